// Repositories: there is a record once a first manifest was pushed.
//
//   repository   version ‖ state ‖ createdMs:varint
//
// A deleted repository is condemned first: a push under way may have seen it live and still commit,
// so the record goes only when no such push can be left.

import type { Entry, Reader } from "@sampan/kv/txn";
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
  reader: Reader,
  page: RepositoryPlace,
): Promise<RepositoryPage> {
  const { entries, more } = await listLive(reader, page);
  const repositories = entries.map(({ key, value }) => {
    return { name: nameIn(key), createdMs: decodeRepository(value).createdMs };
  });
  return { repositories, more };
}

/** As `listRepositories`, the names alone. Hot path. */
export async function listRepositoryNames(
  reader: Reader,
  page: RepositoryPlace,
): Promise<{ readonly names: RepositoryName[]; readonly more: boolean }> {
  const { entries, more } = await listLive(reader, page);
  return { names: entries.map(({ key }) => nameIn(key)), more };
}

async function listLive(
  reader: Reader,
  page: RepositoryPlace,
): Promise<{ readonly entries: Entry[]; readonly more: boolean }> {
  const live: Entry[] = [];
  if (page.limit === 0) return { entries: live, more: false };
  let { after } = page;
  // Condemned ones are few, so one round nearly always fills the page.
  for (;;) {
    const limit = page.limit + 1 - live.length;
    const entries = await reader.scan(repositoriesRange(page.project, after), { limit });
    for (const entry of entries) if (isLiveRepository(entry.value)) live.push(entry);
    if (live.length > page.limit) return { entries: live.slice(0, page.limit), more: true };
    const last = entries.at(-1);
    if (last === undefined || entries.length < limit) return { entries: live, more: false };
    after = nameIn(last.key);
  }
}

/** A key of that range is the prefix, the name (which is ASCII) and a zero byte. */
function nameIn(key: Uint8Array): RepositoryName {
  const bytes = Buffer.isBuffer(key) ? key : Buffer.from(key);
  return bytes.toString("latin1", prefixBytes, bytes.length - 1) as RepositoryName;
}

// Version and state are the first two bytes; what is not plainly live is read with care.
function isLiveRepository(value: Uint8Array): boolean {
  if (value[0] === repositoryVersion && value[1] === 0) return true;
  return decodeRepository(value).state.type === "live";
}
