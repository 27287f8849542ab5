// The one way to the engine's write for all parts of the store. After the first failure nothing is
// written any more: the engine refuses it too, but what is refused here is known not to be applied.
// A `busy` engine has not failed: nothing happened, and the next write may go through.

import { type Env, errorCode, errorMessage, IoError } from "@sampan/env";
import type { Engine, WriteBatch } from "../engine/engine.ts";

/**
 * For a `catch` behind a write whose failure is nothing to its caller: the writer has reported it.
 * What is not the disk's is an error of ours and goes on.
 */
export function leaveToWriter(error: unknown): void {
  if (!(error instanceof IoError)) throw error;
}

export class EngineWriter {
  readonly #env: Env;
  readonly #engine: Engine;
  #answered = 0;
  #failure: { readonly code: string; readonly cause: unknown } | null = null;

  constructor(env: Env, engine: Engine) {
    this.#env = env;
    this.#engine = engine;
  }

  /** Writes that the engine has answered: while it stays, the engine shows readers the same. */
  get answered(): number {
    return this.#answered;
  }

  get hasFailed(): boolean {
    return this.#failure !== null;
  }

  /** Throws an `IoError` with the first failure's code when nothing is written any more. */
  check(): void {
    if (this.#failure === null) return;
    const { code, cause } = this.#failure;
    const message = `writes are refused since one failed: ${errorMessage(cause)}`;
    throw new IoError(code, message, cause);
  }

  /** As the engine's; reaches the engine within the turn of the call. */
  async write(batch: WriteBatch, options: { readonly sync: boolean }): Promise<void> {
    this.check();
    try {
      await this.#engine.write(batch, options);
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      this.#answered += 1;
    }
  }

  #fail(cause: unknown): void {
    const code = errorCode(cause) ?? "io";
    if (code === "busy" || this.#failure !== null) return;
    this.#failure = { code, cause };
    if (code === "closed") return;
    this.#env.log.error("a write failed: the store only reads until it is opened again", {
      code,
      error: errorMessage(cause),
    });
  }
}
