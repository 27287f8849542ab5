// Repositories: there is a record once a first manifest was pushed.
//
//   repository   version ‖ state ‖ createdMs:varint
//
// A deleted repository is condemned first: a push under way may have seen it live and still commit,
// so the record goes only when no such push can be left.

import type { Reader } from "@sampan/kv/txn";
import type { RepositoryName } from "@sampan/oci/model";
import type { ProjectName } from "../core/project-name.ts";
import { prefixBytes, readKey, repositoriesRange, repositoryKey } from "./keys.ts";
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

/**
 * In lexical order, behind `after` (any text), of one project or (null) of all. Limit 0 to 10,000.
 */
export async function listRepositories(
  reader: Reader,
  page: {
    readonly project: ProjectName | null;
    readonly after: string | null;
    readonly limit: number;
  },
): Promise<RepositoryPage> {
  const repositories: Repository[] = [];
  if (page.limit === 0) return { repositories, more: false };
  let after = page.after;
  // Condemned ones are few, so one round nearly always fills the page.
  for (;;) {
    const limit = page.limit + 1 - repositories.length;
    const entries = await reader.scan(repositoriesRange(page.project, after), { limit });
    for (const { key, value } of entries) {
      const name = readKey(key).text() as RepositoryName;
      const { state, createdMs } = decodeRepository(value);
      if (state.type === "live") repositories.push({ name, createdMs });
      after = name;
    }
    if (repositories.length > page.limit) {
      return { repositories: repositories.slice(0, page.limit), more: true };
    }
    if (entries.length < limit) return { repositories, more: false };
  }
}

/** As `listRepositories`, the names alone. Hot path. */
export async function listRepositoryNames(
  reader: Reader,
  page: {
    readonly project: ProjectName | null;
    readonly after: string | null;
    readonly limit: number;
  },
): Promise<{ readonly names: RepositoryName[]; readonly more: boolean }> {
  const names: RepositoryName[] = [];
  if (page.limit === 0) return { names, more: false };
  let after = page.after;
  for (;;) {
    const limit = page.limit + 1 - names.length;
    const entries = await reader.scan(repositoriesRange(page.project, after), { limit });
    for (const { key, value } of entries) {
      if (isLiveRepository(value)) names.push(nameIn(key));
    }
    const last = entries.at(-1);
    if (names.length > page.limit) return { names: names.slice(0, page.limit), more: true };
    if (last === undefined || entries.length < limit) return { names, more: false };
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
