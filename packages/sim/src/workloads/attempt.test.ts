// What clients may meet in a run, and what goes to the report instead.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionError, IoError } from "@sampan/env";
import { type Store, StoreError } from "@sampan/kv/txn";
import { attempt, attemptLook } from "./attempt.ts";

/** A store that answers everything with the error. */
function failing(error: Error): Store {
  const fail = async (): Promise<never> => {
    throw error;
  };
  return { transact: fail, snapshot: fail, close: fail };
}

for (const error of [
  new IoError("io", "the disk"),
  new IoError("disk-full", "the disk"),
  new IoError("busy", "the engine"),
  new StoreError("too-old", "the transaction"),
  new StoreError("closed", "the store"),
]) {
  test(`${error.name} ${error.code} is an answer`, async () => {
    const store = failing(error);
    const done = await attempt(() => store.transact(async () => undefined));
    assert.deepEqual(done, { type: "aborted", reason: error.code });
    const seen = await attemptLook(store, async () => undefined);
    assert.deepEqual(seen, { type: "refused", reason: error.code });
  });
}

for (const error of [
  new IoError("corrupt", "a record"),
  new IoError("format-unknown", "a directory"),
  new StoreError("order", "a hot lock"),
  new StoreError("limit", "a scan"),
  new AssertionError("an invariant"),
  new RangeError("anything"),
]) {
  const code = "code" in error ? ` ${error.code}` : "";
  test(`${error.name}${code} goes on to the report`, async () => {
    const store = failing(error);
    const isSame = (thrown: unknown): boolean => thrown === error;
    await assert.rejects(
      attempt(() => store.transact(async () => undefined)),
      isSame,
    );
    await assert.rejects(
      attemptLook(store, async () => undefined),
      isSame,
    );
  });
}
