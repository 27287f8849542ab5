// Unlinks many files in a thread of its own, one after the other: the main thread is asked once for
// all of them, and the disk has time for others, whose syncs wait for what it is busy with. The thread
// starts with the first batch and ends when there was none for a while.

import { unlink } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { type Env, errorMessage } from "@sampan/env";
import { absentAsNull } from "./file-errors.ts";

export interface Removal {
  readonly paths: readonly string[];
}

export interface RemovalAnswer {
  /** The first; the others were tried all the same. */
  readonly failure: { readonly code: string | undefined; readonly message: string } | null;
}

/** Fewer are unlinked before a thread has started. */
const pathsMin = 8;

type Waiter = (answer: RemovalAnswer | null) => void;

export class FileRemoval {
  readonly #env: Env;
  readonly #thread: URL;
  #worker: Worker | null = null;
  /** Answers come in the order of the questions. */
  readonly #waiters: Waiter[] = [];

  constructor(env: Env, thread = new URL("./unlink-worker.mjs", import.meta.url)) {
    this.#env = env;
    this.#thread = thread;
  }

  /** What is not there is no failure. All are tried, then the first failure is thrown. */
  async remove(paths: readonly string[]): Promise<void> {
    if (paths.length < pathsMin) return await unlinkHere(paths);
    const answer = await this.#ask({ paths });
    if (answer === null) return await unlinkHere(paths);
    const { failure } = answer;
    if (failure !== null) throw Object.assign(new Error(failure.message), { code: failure.code });
  }

  /** Null: the thread has ended, and may have unlinked some, or could not be started. */
  async #ask(removal: Removal): Promise<RemovalAnswer | null> {
    let worker: Worker;
    try {
      worker = this.#worker ?? this.#start();
    } catch (error) {
      this.#env.log.warn("no thread that unlinks files", { error: errorMessage(error) });
      return null;
    }
    worker.ref();
    return await new Promise((resolve) => {
      this.#waiters.push(resolve);
      worker.postMessage(removal);
    });
  }

  #start(): Worker {
    const worker = new Worker(this.#thread);
    worker.on("message", (answer: RemovalAnswer) => {
      this.#waiters.shift()?.(answer);
      if (this.#waiters.length === 0) worker.unref();
    });
    worker.on("error", (error) => {
      this.#env.log.warn("the thread that unlinks files ended", { error: errorMessage(error) });
    });
    worker.on("exit", () => {
      this.#worker = null;
      for (const waiter of this.#waiters.splice(0)) waiter(null);
    });
    this.#worker = worker;
    return worker;
  }
}

async function unlinkHere(paths: readonly string[]): Promise<void> {
  let failure: { readonly error: unknown } | null = null;
  for (const path of paths) {
    try {
      await absentAsNull(unlink(path));
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure !== null) throw failure.error;
}
