// Projects: who may see what is decided on them. Flat, by name; ids only because Harbor's clients
// ask.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Reader, Store, Transaction } from "@sampan/kv/txn";
import type { ProjectName } from "../core/project-name.ts";
import { createOutbox } from "../events/outbox.ts";
import { projectIdKey, projectKey, projectsRange } from "./keys.ts";
import type { Unsettled } from "./outcome.ts";
import { settle } from "./outcome.ts";
import { decodeJson, encodeJson } from "./record-bytes.ts";
import { findSetting, putSetting } from "./settings.ts";

const projectVersion = 1;

export interface Project {
  readonly id: number;
  readonly name: ProjectName;
  /** Anyone may pull. */
  readonly public: boolean;
  readonly owner: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly createdMs: number;
  readonly updatedMs: number;
}

/**
 * `birthTs` is the transaction that created it, so that a run can tell its own work from another's.
 */
type ProjectRecord = Project & { readonly birthTs: string };

function decodeProject(bytes: Uint8Array): ProjectRecord {
  return decodeJson<ProjectRecord>(bytes, projectVersion);
}

function projectIn(record: ProjectRecord): Project {
  const { birthTs: _, ...project } = record;
  return project;
}

export async function findProject(reader: Reader, name: ProjectName): Promise<Project | null> {
  const record = await findRecord(reader, name);
  return record === null ? null : projectIn(record);
}

async function findRecord(reader: Reader, name: ProjectName): Promise<ProjectRecord | null> {
  const value = await reader.get(projectKey(name));
  return value === null ? null : decodeProject(value);
}

export async function findProjectById(reader: Reader, id: number): Promise<Project | null> {
  if (!Number.isInteger(id) || id < 1 || id > projectIdMax) return null;
  const value = await reader.get(projectIdKey(id));
  if (value === null) return null;
  const { name } = decodeJson<{ readonly name: ProjectName }>(value, projectVersion);
  return findProject(reader, name);
}

const projectIdMax = 2 ** 32 - 1;

export interface ProjectPage {
  readonly projects: readonly Project[];
  readonly more: boolean;
}

/** In lexical order, behind `after`. Limit 0 to 10,000. */
export async function listProjects(
  reader: Reader,
  page: { readonly after: string | null; readonly limit: number },
): Promise<ProjectPage> {
  const entries = await reader.scan(projectsRange(page.after), { limit: page.limit + 1 });
  const records = entries.slice(0, page.limit).map(({ value }) => decodeProject(value));
  return { projects: records.map(projectIn), more: entries.length > page.limit };
}

export interface ProjectCreation {
  readonly name: ProjectName;
  readonly public: boolean;
  /** Becomes the owner. */
  readonly actor: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

export function createProject(
  store: Store,
  creation: ProjectCreation,
): Promise<Result<Project, { readonly code: "project-exists" } | Unsettled>> {
  return settle(store, async (transaction, attempt) => {
    const found = await findRecord(transaction, creation.name);
    if (found !== null && attempt.isOurs(BigInt(found.birthTs))) return ok(projectIn(found));
    if (found !== null) return err({ code: "project-exists" as const });
    return ok(await addProject(transaction, creation));
  });
}

/** Inside a transaction that has seen that there is none of this name. */
export async function addProject(
  transaction: Transaction,
  creation: ProjectCreation,
): Promise<Project> {
  const { name, actor, nowMs } = creation;
  const project: Project = {
    id: await nextProjectId(transaction),
    name,
    public: creation.public,
    owner: actor,
    createdMs: nowMs,
    updatedMs: nowMs,
  };
  putProject(transaction, { ...project, birthTs: String(transaction.startTs) });
  transaction.put(projectIdKey(project.id), encodeJson(projectVersion, { name }));
  const outbox = createOutbox(transaction, { actor, occurredMs: nowMs });
  outbox.add({ type: "project.created", project: name, public: project.public });
  return project;
}

function putProject(transaction: Transaction, record: ProjectRecord): void {
  transaction.put(projectKey(record.name), encodeJson(projectVersion, record));
}

const projectIdSetting = "project-id";

async function nextProjectId(transaction: Transaction): Promise<number> {
  const counter = await findSetting<{ readonly last: number }>(transaction, projectIdSetting);
  const id = (counter?.last ?? 0) + 1;
  putSetting(transaction, projectIdSetting, { last: id });
  return id;
}

export function setProjectPublic(
  store: Store,
  what: ProjectCreation,
): Promise<Result<Project, { readonly code: "project-unknown" } | Unsettled>> {
  const { name, actor, nowMs } = what;
  return settle(store, async (transaction) => {
    const record = await findRecord(transaction, name);
    if (record === null) return err({ code: "project-unknown" as const });
    if (record.public === what.public) return ok(projectIn(record));
    const changed = { ...record, public: what.public, updatedMs: nowMs };
    putProject(transaction, changed);
    const outbox = createOutbox(transaction, { actor, occurredMs: nowMs });
    outbox.add({ type: "project.updated", project: name, public: what.public });
    return ok(projectIn(changed));
  });
}
