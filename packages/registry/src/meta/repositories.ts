// Repositories: there is a record once a first manifest was pushed.
//
//   repository   version ‖ state ‖ createdMs:varint
//
// A deleted repository is condemned first: a push under way may have seen it live and still commit,
// so the record goes only when no such push can be left.

import type { Reader, Snapshot } from "@sampan/kv/txn";
import type { RepositoryName } from "@sampan/oci/model";
import type { ProjectName } from "../core/project-name.ts";
import { prefixBytes, repositoriesRange, repositoryKey } from "./keys.ts";
import { RecordReader, RecordWriter } from "./record-bytes.ts";
import type { RecordState } from "./record-state.ts";
import { readState, writeState } from "./record-state.ts";

const repositoryVersion = 1;

export interface Repository {
  readonly name: RepositoryName;
  /** Wall clock, milliseconds since the epoch. */
  readonly createdMs: number;
}

export interface RepositoryPage {
  readonly repositories: readonly Repository[];
  readonly more: boolean;
}

export interface RepositoryRecord {
  readonly state: RecordState;
  readonly createdMs: number;
}

export function encodeRepository(record: RepositoryRecord): Uint8Array {
  const writer = new RecordWriter(repositoryVersion);
  writeState(writer, record.state);
  writer.varint(record.createdMs);
  return writer.finish();
}

export function decodeRepository(bytes: Uint8Array): RepositoryRecord {
  const reader = new RecordReader(bytes, repositoryVersion);
  return { state: readState(reader), createdMs: reader.varint() };
}

/** Null when nothing was pushed to it yet, or it was deleted. */
export async function findRepository(
  reader: Reader,
  name: RepositoryName,
): Promise<Repository | null> {
  const value = await reader.get(repositoryKey(name));
  if (value === null) return null;
  const { state, createdMs } = decodeRepository(value);
  return state.type === "live" ? { name, createdMs } : null;
}

export interface RepositoryPlace {
  /** Null: of all projects. */
  readonly project: ProjectName | null;
  /** Any text; null: from the first. */
  readonly after: string | null;
  /** 0 to 10,000. */
  readonly limit: number;
}

/** In lexical order. */
export async function listRepositories(
  reader: Snapshot,
  page: RepositoryPlace,
): Promise<RepositoryPage> {
  const { names, records, more } = await listLive(reader, page);
  const repositories = names.map((name, index) => {
    const { createdMs } = decodeRepository(Buffer.from(records[index] ?? "", "latin1"));
    return { name, createdMs };
  });
  return { repositories, more };
}

/** As `listRepositories`, the names alone. */
export async function listRepositoryNames(
  reader: Snapshot,
  page: RepositoryPlace,
): Promise<{ readonly names: readonly RepositoryName[]; readonly more: boolean }> {
  return await listLive(reader, page);
}

interface LivePage {
  readonly names: RepositoryName[];
  /** Of each, the record's bytes, one character each. */
  readonly records: string[];
  readonly more: boolean;
}

// Hot path.
async function listLive(reader: Snapshot, page: RepositoryPlace): Promise<LivePage> {
  const names: RepositoryName[] = [];
  const records: string[] = [];
  if (page.limit === 0) return { names, records, more: false };
  let { after } = page;
  // Condemned ones are few, so one round nearly always fills the page.
  for (;;) {
    const limit = page.limit + 1 - names.length;
    const range = repositoriesRange(page.project, after);
    const { keys, values } = await reader.scanLatin1(range, { limit });
    for (const [index, key] of keys.entries()) {
      const record = values[index] ?? "";
      if (!isLiveRepository(record)) continue;
      if (names.length === page.limit) return { names, records, more: true };
      names.push(nameIn(key));
      records.push(record);
    }
    const last = keys.at(-1);
    if (last === undefined || keys.length < limit) return { names, records, more: false };
    after = nameIn(last);
  }
}

/** A key of that range is the prefix, the name (which is ASCII) and a zero byte. */
function nameIn(key: string): RepositoryName {
  return key.slice(prefixBytes, -1) as RepositoryName;
}

// Version and state are the first two bytes; what is not plainly live is read with care.
function isLiveRepository(record: string): boolean {
  if (record.charCodeAt(0) === repositoryVersion && record.charCodeAt(1) === 0) return true;
  return decodeRepository(Buffer.from(record, "latin1")).state.type === "live";
}
