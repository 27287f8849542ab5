// Property: reads and collections of random histories, beside a twin that keeps plain lists.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "@sampan/env";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { dataRange } from "../data-key.ts";
import type { Mutation } from "../mutation.ts";
import { collect, getRow, scanRows, valueOfRow } from "../testing/mvcc-shell.ts";
import { MvccTables } from "../testing/mvcc-tables.ts";
import { onePhaseCommit } from "./one-phase.ts";
import { rollback } from "./rollback.ts";

// A naive twin: for every key all its values by commit timestamp, null for a deletion.
type History = Map<string, { readonly at: bigint; readonly value: string | null }[]>;

const keys = ["", "a", "ab", "abcdefgh", "abcdefgh\0", "b", "\xff\xff", "zz"];

/** Writes a random history into tables and twin; answers the last timestamp. */
function write(random: Random, tables: MvccTables, history: History): bigint {
  let now = 1n;
  for (let round = 0; round < 60; round += 1) {
    const startTs = now + 1n;
    const commitTs = startTs + 1n + BigInt(random.int(3));
    now = commitTs;
    const mutations = drawMutations(random);
    if (random.int(6) === 0) {
      for (const { key } of mutations) {
        const done = rollback(tables, key, { startTs, protect: random.int(2) === 0 });
        if (done.ok) tables.apply(done.value);
      }
      continue;
    }
    const done = onePhaseCommit(tables, mutations, { startTs, commitTs });
    assert.ok(done.ok);
    tables.apply(done.value);
    for (const mutation of mutations) {
      if (mutation.type === "lock") continue;
      const name = Buffer.from(mutation.key).toString("latin1");
      const value = mutation.type === "put" ? Buffer.from(mutation.value).toString() : null;
      history.set(name, [...(history.get(name) ?? []), { at: commitTs, value }]);
    }
  }
  return now;
}

function drawMutations(random: Random): Mutation[] {
  return keys
    .filter(() => random.int(3) === 0)
    .map((name): Mutation => {
      const key = Buffer.from(name, "latin1");
      const type = random.int(10);
      if (type < 2) return { type: "delete", key };
      if (type < 4) return { type: "lock", key };
      const bytes = random.int(8) === 0 ? 256 + random.int(50) : random.int(5);
      return { type: "put", key, value: Buffer.alloc(bytes, `${random.int(1000)}`) };
    });
}

function valueAt(history: History, name: string, readTs: bigint): string | null {
  const versions = (history.get(name) ?? []).filter(({ at }) => at <= readTs);
  return versions.at(-1)?.value ?? null;
}

function checkReads(
  random: Random,
  tables: MvccTables,
  twin: { history: History; readTs: bigint },
) {
  const { history, readTs } = twin;
  const ordered = keys
    .map((name) => Buffer.from(name, "latin1"))
    .sort(Buffer.compare)
    .map((key) => key.toString("latin1"));
  for (const name of keys) {
    const row = getRow(tables, Buffer.from(name, "latin1"), { readTs, keysOnly: false });
    const got = typeof row === "string" ? null : valueOfRow(tables, row)?.toString();
    assert.equal(got, valueAt(history, name, readTs));
  }
  const start = ordered[random.int(ordered.length)] ?? "";
  const end = random.int(3) === 0 ? null : (ordered[random.int(ordered.length)] ?? "");
  const limit = 1 + random.int(keys.length);
  for (const reverse of [false, true]) {
    const range = dataRange(
      Buffer.from(start, "latin1"),
      end === null ? null : Buffer.from(end, "latin1"),
    );
    const scanned = scanRows(tables, { ...range, readTs, reverse, limit, keysOnly: false });
    const inRange = ordered
      .filter((name) => ordered.indexOf(name) >= ordered.indexOf(start))
      .filter((name) => end === null || ordered.indexOf(name) < ordered.indexOf(end))
      .flatMap((name) => {
        const value = valueAt(history, name, readTs);
        return value === null ? [] : [[name, value]];
      });
    const expected = (reverse ? inRange.reverse() : inRange).slice(0, limit);
    const got = scanned?.rows.map((row) => [
      row.key.toString("latin1"),
      valueOfRow(tables, row)?.toString(),
    ]);
    assert.deepEqual(got, expected);
  }
}

test("reads of random histories at random moments agree with a naive twin", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const { random } = createSimulatedWorld(seed).env;
    const tables = new MvccTables();
    const history: History = new Map();
    const last = write(random, tables, history);
    for (let read = 0; read < 40; read += 1) {
      const readTs = BigInt(random.int(Number(last) + 2));
      checkReads(random, tables, { history, readTs });
    }
  }
});

test("a collection changes no read at or above its safe point, at whatever change it stops", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const { random } = createSimulatedWorld(seed).env;
    const tables = new MvccTables();
    const history: History = new Map();
    const last = Number(write(random, tables, history));
    const safePoint = random.int(last + 1);
    const modifies = collect(tables, BigInt(safePoint)) ?? [];
    for (const modify of modifies) {
      tables.apply([modify]);
      const readTs = BigInt(safePoint + random.int(last + 2 - safePoint));
      checkReads(random, tables, { history, readTs });
    }
    assert.deepEqual(collect(tables, BigInt(safePoint)), []);
  }
});
