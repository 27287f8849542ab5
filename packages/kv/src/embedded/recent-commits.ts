// The commits that somebody may still have to know of: those on their way to the disk, and those
// newer than the oldest open transaction. This process is the only one that writes, so the rule of
// snapshot isolation (the first committer wins) is decided here, without a look at the disk: a key
// was written or locked after an open transaction's start if and only if the commit is one of these.

import { assert } from "@sampan/env";
import type { Timestamp } from "../core/index.ts";
import type { Mutation } from "../txn/write-buffer.ts";

export interface Commit {
  readonly commitTs: Timestamp;
  /** Of its keys, rising, each once. The values are on their way to the disk and nobody's here. */
  readonly names: readonly string[];
  /**
   * Done: on the disk, or refused. Lost: the engine failed, and whether the commit comes back is
   * not known before a restart.
   */
  readonly state: "under-way" | "done" | "lost";
  /** Resolves when it is under way no longer. */
  readonly settled: Promise<void>;
}

interface OpenCommit extends Commit {
  state: Commit["state"];
  settle(): void;
}

/**
 * Keys and bytes of their names kept at most; beyond it the oldest commits are forgotten, and older
 * transactions lose.
 */
export const recentKeysMax = 200_000;
export const recentBytesMax = 32 * 1024 * 1024;
/** The list is cut when so many at its head are forgotten, and they are half of it. */
const headMax = 1024;

// hot path
export class RecentCommits {
  /** When each key was last committed. */
  readonly #newest = new Map<string, Timestamp>();
  /** In the order of their timestamps; those before `#head` are forgotten, and null. */
  #commits: (OpenCommit | null)[] = [];
  #head = 0;
  #keys = 0;
  #bytes = 0;
  /** Under way or lost, as a whole and by key, in the order of their timestamps. */
  readonly #pending = new Set<OpenCommit>();
  readonly #pendingByName = new Map<string, OpenCommit[]>();
  #newestTs: Timestamp;
  /** Of what was committed up to here something may be forgotten too early. */
  #forgottenTs: Timestamp = 0n;

  /** All that is in the store so far was committed before `openTs`. */
  constructor(openTs: Timestamp) {
    this.#newestTs = openTs;
  }

  get keys(): number {
    return this.#keys;
  }

  /** Of the keys' names. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Commits under way or lost. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * The newest commit that is done or under way, of whatever keys, is of this moment or before it.
   */
  get newestTs(): Timestamp {
    return this.#newestTs;
  }

  /** Whether a transaction that started then may no longer write all of these keys. */
  conflicts(mutations: readonly Mutation[], startTs: Timestamp): boolean {
    if (startTs < this.#forgottenTs) return true;
    for (const { name } of mutations) {
      const newest = this.#newest.get(name);
      if (newest !== undefined && newest > startTs) return true;
    }
    return false;
  }

  /** Call it in the turn in which the timestamp was given out, so that no reader slips between. */
  begin(commitTs: Timestamp, mutations: readonly Mutation[]): Commit {
    let settle: () => void = () => undefined;
    const settled = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const names = mutations.map(({ name }) => name);
    const commit: OpenCommit = { commitTs, names, state: "under-way", settled, settle };
    this.#newestTs = commitTs;
    this.#commits.push(commit);
    this.#keys += names.length;
    this.#bytes += bytesOf(names);
    this.#pending.add(commit);
    for (const name of names) {
      this.#newest.set(name, commitTs);
      const pending = this.#pendingByName.get(name);
      if (pending === undefined) this.#pendingByName.set(name, [commit]);
      else pending.push(commit);
    }
    return commit;
  }

  settle(commit: Commit, state: "done" | "lost"): void {
    const open = commit as OpenCommit;
    assert(open.state === "under-way", "recent commits: settled twice");
    open.state = state;
    if (state === "done") this.#removePending(open);
    open.settle();
  }

  /** The newest pending commit of the key that a read at that moment must see; null: none. */
  pendingOf(name: string, readTs: Timestamp): Commit | null {
    const pending = this.#pendingByName.get(name);
    if (pending === undefined) return null;
    return pending.findLast((commit) => commit.commitTs <= readTs) ?? null;
  }

  /** As `pendingOf`, of any key from `start` up to `end` (null: no end). */
  pendingWithin(start: string, end: string | null, readTs: Timestamp): Commit | null {
    for (const commit of this.#pending) {
      if (commit.commitTs > readTs) return null;
      const first = firstFrom(commit.names, start);
      if (first !== null && (end === null || first < end)) return commit;
    }
    return null;
  }

  /**
   * Forgets what no transaction that started at `oldestTs` or later (null: none is open) can meet.
   */
  forget(oldestTs: Timestamp | null): void {
    for (;;) {
      const commit = this.#commits[this.#head];
      if (commit === undefined || commit === null || commit.state !== "done") break;
      const isOld = oldestTs === null || commit.commitTs < oldestTs;
      if (!isOld && this.#keys <= recentKeysMax && this.#bytes <= recentBytesMax) break;
      if (!isOld) this.#forgottenTs = commit.commitTs;
      this.#commits[this.#head] = null;
      this.#head += 1;
      this.#keys -= commit.names.length;
      this.#bytes -= bytesOf(commit.names);
      for (const name of commit.names) {
        if (this.#newest.get(name) === commit.commitTs) this.#newest.delete(name);
      }
    }
    if (this.#head < headMax || this.#head * 2 < this.#commits.length) return;
    this.#commits = this.#commits.slice(this.#head);
    this.#head = 0;
  }

  #removePending(commit: OpenCommit): void {
    this.#pending.delete(commit);
    for (const name of commit.names) {
      const pending = this.#pendingByName.get(name) ?? [];
      if (pending.length === 1) this.#pendingByName.delete(name);
      else pending.splice(pending.indexOf(commit), 1);
    }
  }
}

function bytesOf(names: readonly string[]): number {
  let bytes = 0;
  for (const name of names) bytes += name.length;
  return bytes;
}

/** The least name at or above `start`. */
function firstFrom(names: readonly string[], start: string): string | null {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const name = names[middle] ?? "";
    if (name < start) low = middle + 1;
    else high = middle;
  }
  return names[low] ?? null;
}
