// A commit in one phase: all keys are in one place and one batch, so no lock is ever seen. This is
// how the embedded store commits; its records are those that two phases leave behind.

import { assert } from "../assertion.ts";
import { type Modify, putValue, putWrite } from "../modify.ts";
import { longValueOf, type Mutation, shortValueOf } from "../mutation.ts";
import type { MvccReader } from "../mvcc-reader.ts";
import { err, ok, type Result } from "../result.ts";
import { timestampMax } from "../timestamp.ts";
import { newWrite } from "../write-record.ts";
import { checkConflict, type Locked, type WriteConflict } from "./check-conflict.ts";
import type { CommitTimes } from "./commit.ts";

export type OnePhaseError = WriteConflict | Locked;

/** The changes of all mutations, or what the first of them met. Each key comes once. */
export function onePhaseCommit(
  reader: MvccReader,
  mutations: readonly Mutation[],
  times: CommitTimes,
): Result<Modify[], OnePhaseError> {
  const modifies: Modify[] = [];
  for (const mutation of mutations) {
    const { key } = mutation;
    const lock = reader.lock(key);
    if (lock !== null) return err({ code: "locked", key, lock });
    const conflict = checkConflict(reader.seekWrite(key, timestampMax), key, times.startTs);
    if (conflict !== null) return err(conflict);
    modifies.push(...onePhaseModifies(mutation, times));
  }
  return ok(modifies);
}

/** The changes of one mutation that met no conflict. */
export function onePhaseModifies(mutation: Mutation, times: CommitTimes): Modify[] {
  const { startTs, commitTs } = times;
  assert(commitTs > startTs, "one-phase commit: it commits before it started");
  const write = newWrite(mutation.type, startTs, shortValueOf(mutation));
  const modifies = [putWrite(mutation.key, commitTs, write)];
  const longValue = longValueOf(mutation);
  if (longValue !== null) modifies.push(putValue(mutation.key, startTs, longValue));
  return modifies;
}
