// What the commands of the MVCC scenario scripts do. Each action's changes are applied and shown.
//
//   prewrite  key= [value=|bytes=] [type=delete|lock] start= primary= [ttl=] [size=] [min-commit=]
//   commit    key= start= commit=
//   rollback  key= start= [protect]
//   one-phase start= commit=            lines: put KEY=VALUE, put KEY bytes=N, delete KEY, lock KEY
//   get       key= at= [keys-only]
//   scan      at= [from=] [to=] [limit=] [reverse] [keys-only] [steps]
//   gc        at=
//   versions  key= from= to= step=      one put per timestamp, each started one before
//   plant-write, plant-lock, plant-bytes   rows that other programs may have written
//   rows                                everything there is

import type { Result } from "@sampan/env";
import { blocksRead } from "../actions/check-lock.ts";
import { commit } from "../actions/commit.ts";
import { onePhaseCommit } from "../actions/one-phase.ts";
import { prewrite } from "../actions/prewrite.ts";
import { rollback } from "../actions/rollback.ts";
import { dataKey, dataRange, decodeDataKey, versionKey } from "../data-key.ts";
import { type LockType, newLock } from "../lock-record.ts";
import { type Modify, type MvccFamily, putLock, putWrite } from "../modify.ts";
import type { Mutation } from "../mutation.ts";
import { type Timestamp, timestampMax } from "../timestamp.ts";
import type { VisibleRow } from "../visible-row.ts";
import { newRollback, newWrite, type WriteType } from "../write-record.ts";
import { collect, getRow, rowsBetween, scanRows, valueOfRow } from "./mvcc-shell.ts";
import { MvccTables } from "./mvcc-tables.ts";
import { renderBytes, renderError, renderLock, renderModify, renderRow } from "./mvcc-text.ts";
import type { Command } from "./scenario.ts";

type Run = (tables: MvccTables, command: Command) => readonly string[];

/** A new world: gives what runs commands in it. */
export function createMvccWorld(): (command: Command) => readonly string[] {
  const tables = new MvccTables();
  return (command) => {
    const run = commands[command.name];
    if (run === undefined) throw new Error(`unknown command ${command.name}`);
    return run(tables, command);
  };
}

const commands: Readonly<Record<string, Run>> = {
  prewrite: (tables, command) =>
    settle(
      tables,
      prewrite(tables, mutationOf(command), {
        primary: bytesOf(command, "primary"),
        startTs: timeOf(command, "start"),
        ttlMs: numberOf(command, "ttl"),
        transactionSize: numberOf(command, "size"),
        minCommitTs: numberOf(command, "min-commit"),
      }),
    ),
  commit: (tables, command) =>
    settle(tables, commit(tables, bytesOf(command, "key"), times(command))),
  rollback: (tables, command) =>
    settle(
      tables,
      rollback(tables, bytesOf(command, "key"), {
        startTs: timeOf(command, "start"),
        protect: command.arguments.has("protect"),
      }),
    ),
  "one-phase": (tables, command) =>
    settle(tables, onePhaseCommit(tables, command.input.map(mutationLine), times(command))),
  get: runGet,
  scan: runScan,
  gc: runGc,
  versions: runVersions,
  "plant-write": plantWrite,
  "plant-lock": plantLock,
  "plant-bytes": plantBytes,
  rows: (tables) => {
    const rows = (["lock", "write", "default"] as const).flatMap((family) =>
      tables.rows(family).map((row) => renderRow(family, row.key, row.value)),
    );
    return rows.length === 0 ? ["none"] : rows;
  },
};

function settle(
  tables: MvccTables,
  result: Result<Modify[], { readonly code: string }>,
): readonly string[] {
  if (!result.ok) return [renderError(result.error)];
  return apply(tables, result.value);
}

function apply(tables: MvccTables, modifies: readonly Modify[]): readonly string[] {
  tables.apply(modifies);
  return modifies.length === 0 ? ["no change"] : modifies.map(renderModify);
}

function runGet(tables: MvccTables, command: Command): readonly string[] {
  const key = bytesOf(command, "key");
  const readTs = timeOf(command, "at");
  const lock = tables.lock(key);
  if (lock !== null && blocksRead(lock, key, readTs)) return [`error locked (${renderLock(lock)})`];
  const keysOnly = command.arguments.has("keys-only");
  const row = getRow(tables, key, { readTs, keysOnly });
  return [typeof row === "string" ? row : renderVisible(tables, row)];
}

function runScan(tables: MvccTables, command: Command): readonly string[] {
  const readTs = timeOf(command, "at");
  const to = command.arguments.get("to");
  const end = to === undefined ? null : Buffer.from(to, "latin1");
  const range = dataRange(bytesOf(command, "from"), end);
  const locked = rowsBetween(tables, "lock", range).flatMap(({ key: lockKey }) => {
    const key = decodeDataKey(lockKey);
    const lock = key.ok ? tables.lock(key.value) : null;
    if (!key.ok || lock === null || !blocksRead(lock, key.value, readTs)) return [];
    return [`error locked ${renderBytes(key.value)} (${renderLock(lock)})`];
  });
  if (locked.length > 0) return locked;
  const scanned = scanRows(tables, {
    ...range,
    readTs,
    reverse: command.arguments.has("reverse"),
    limit: Number(command.arguments.get("limit") ?? "1000"),
    keysOnly: command.arguments.has("keys-only"),
  });
  if (scanned === null) return ["malformed"];
  const rows = scanned.rows.map((row) => renderVisible(tables, row));
  const shown = rows.length === 0 ? ["none"] : rows;
  return command.arguments.has("steps") ? [...shown, `seeks ${scanned.seeks}`] : shown;
}

function runGc(tables: MvccTables, command: Command): readonly string[] {
  const modifies = collect(tables, timeOf(command, "at"));
  return modifies === null ? ["malformed"] : apply(tables, modifies);
}

function runVersions(tables: MvccTables, command: Command): readonly string[] {
  const key = bytesOf(command, "key");
  const step = numberOf(command, "step");
  const to = numberOf(command, "to");
  let count = 0;
  for (let commitTs = numberOf(command, "from"); commitTs <= to; commitTs += step) {
    const write = newWrite("put", commitTs - 1n, Buffer.from(`v${commitTs}`));
    tables.apply([putWrite(key, commitTs, write)]);
    count += 1;
  }
  return [`${count} versions`];
}

function plantWrite(tables: MvccTables, command: Command): readonly string[] {
  const type = (command.arguments.get("type") ?? "put") as WriteType;
  const startTs = timeOf(command, "start");
  const value = command.arguments.get("value");
  const write =
    type === "rollback"
      ? newRollback(startTs, command.arguments.has("protected"))
      : newWrite(type, startTs, value === undefined ? null : Buffer.from(value, "latin1"));
  const fence = command.arguments.get("fence");
  const commitTs = type === "rollback" ? startTs : timeOf(command, "commit");
  return apply(tables, [
    putWrite(bytesOf(command, "key"), commitTs, {
      ...write,
      overlappedRollback: command.arguments.has("overlapped"),
      gcFence: fence === undefined ? null : BigInt(fence),
    }),
  ]);
}

function plantLock(tables: MvccTables, command: Command): readonly string[] {
  const lock = newLock({
    type: (command.arguments.get("type") ?? "put") as LockType,
    primary: bytesOf(command, "primary"),
    startTs: timeOf(command, "start"),
    ttlMs: numberOf(command, "ttl"),
  });
  const value = command.arguments.get("value");
  const planted = {
    ...lock,
    shortValue: value === undefined ? null : Buffer.from(value, "latin1"),
    forUpdateTs: numberOf(command, "for-update"),
    minCommitTs: numberOf(command, "min-commit"),
    secondaries: command.arguments.has("secondaries") ? [] : null,
    source: numberOf(command, "source"),
  };
  return apply(tables, [putLock(bytesOf(command, "key"), planted)]);
}

function plantBytes(tables: MvccTables, command: Command): readonly string[] {
  const family = (command.arguments.get("family") ?? "write") as MvccFamily;
  const user = bytesOf(command, "key");
  const key = command.arguments.has("at") ? versionKey(user, timeOf(command, "at")) : dataKey(user);
  const value = Buffer.from(command.arguments.get("hex") ?? "", "hex");
  tables.apply([{ type: "put", family, key, value }]);
  return ["planted"];
}

function renderVisible(tables: MvccTables, row: VisibleRow): string {
  const value = valueOfRow(tables, row);
  return `${renderBytes(row.key)} = ${value === null ? "value is missing" : renderBytes(value)}`;
}

function mutationOf(command: Command): Mutation {
  const key = bytesOf(command, "key");
  const type = command.arguments.get("type") ?? "put";
  if (type === "delete" || type === "lock") return { type, key };
  return { type: "put", key, value: putValueOf(command.arguments) };
}

/** `put KEY=VALUE`, `put KEY bytes=N`, `delete KEY`, `lock KEY`. */
function mutationLine(line: string): Mutation {
  const [type = "", word = "", size = ""] = line.split(" ");
  const [name = "", value = ""] = word.split("=");
  const key = Buffer.from(name, "latin1");
  if (type === "delete" || type === "lock") return { type, key };
  const bytes = size.startsWith("bytes=") ? Buffer.alloc(Number(size.slice(6)), "x") : null;
  return { type: "put", key, value: bytes ?? Buffer.from(value, "latin1") };
}

function putValueOf(values: ReadonlyMap<string, string>): Buffer {
  const bytes = values.get("bytes");
  if (bytes !== undefined) return Buffer.alloc(Number(bytes), "x");
  return Buffer.from(values.get("value") ?? "", "latin1");
}

function times(command: Command): { startTs: Timestamp; commitTs: Timestamp } {
  return { startTs: timeOf(command, "start"), commitTs: timeOf(command, "commit") };
}

function bytesOf(command: Command, name: string): Buffer {
  return Buffer.from(command.arguments.get(name) ?? "", "latin1");
}

function timeOf(command: Command, name: string): Timestamp {
  const text = command.arguments.get(name);
  if (text === undefined) throw new Error(`${command.name} needs ${name}=`);
  return text === "max" ? timestampMax : BigInt(text);
}

function numberOf(command: Command, name: string): bigint {
  return BigInt(command.arguments.get(name) ?? "0");
}
