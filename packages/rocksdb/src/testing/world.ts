// What a test of this package needs: a database of its own, in a directory that goes away.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Change, encodeBatch } from "../batch.ts";
import type { Cursor } from "../cursor.ts";
import { type Database, open } from "../database.ts";
import type { OpenOptions } from "../options.ts";

export const families = ["default", "lock", "write"] as const;
export const bytes = (text: string) => Buffer.from(text, "utf8");

export async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "rocksdb-test-"));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export function openIn(directory: string, options: Partial<OpenOptions> = {}): Promise<Database> {
  return open({ path: join(directory, "db"), families, createIfMissing: true, ...options });
}

/** Closes the database that `body` leaves open. */
export async function withDatabase(
  body: (database: Database, directory: string) => Promise<void>,
  options: Partial<OpenOptions> = {},
): Promise<void> {
  await withDirectory(async (directory) => {
    const database = await openIn(directory, options);
    try {
      await body(database, directory);
    } finally {
      await database.close();
    }
  });
}

/** A database on whose rows every first read waits for the disk. */
export async function withColdDatabase(
  rows: readonly Change[],
  body: (database: Database) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const warm = await openIn(directory);
    await warm.write(encodeBatch(rows), { sync: false });
    await warm.flush();
    await warm.close();
    const cold = await openIn(directory);
    try {
      await body(cold);
    } finally {
      await cold.close();
    }
  });
}

export function put(key: string, value: string, family = 0): Change {
  return { type: "put", family, key: bytes(key), value: bytes(value) };
}

export function remove(key: string, family = 0): Change {
  return { type: "delete", family, key: bytes(key) };
}

export function removeRange(from: string, to: string, family = 0): Change {
  return { type: "deleteRange", family, from: bytes(from), to: bytes(to) };
}

export function write(database: Database, ...changes: Change[]): Promise<void> {
  return database.write(encodeBatch(changes), { sync: false });
}

/** The rest of the cursor's rows as `key=value`. Closes it. */
export async function rest(cursor: Cursor): Promise<string[]> {
  const rows: string[] = [];
  while (await cursor.next()) rows.push(`${cursor.key}=${cursor.value}`);
  cursor.close();
  return rows;
}

/** Numbered keys whose order is that of their numbers. */
export const numbered = (index: number) => `k${String(index).padStart(6, "0")}`;
