// Deleting repositories and projects.
//
// A push that saw a repository live may commit up to `transactionAgeMsMax` later, and nothing it
// writes conflicts with the deletion (so that pushes into one repository do not conflict with each
// other). So a repository is condemned, emptied, and only removed when no such push can be left: a
// later push revives it, a push under way that slipped in is found by the last look, which revives
// it too. Blob links are condemned for the same reason (blob-links.ts); the collector of blobs
// removes them.

import type { Env, Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Store, Timestamp, Transaction } from "@sampan/kv/txn";
import { transactionAgeMsMax } from "@sampan/kv/txn";
import type { Digest, RepositoryName } from "@sampan/oci/model";
import type { ProjectName } from "../core/project-name.ts";
import { createOutbox } from "../events/outbox.ts";
import { condemnBlobLinks } from "./blob-links.ts";
import {
  blobLinksRange,
  manifestsRange,
  projectIdKey,
  projectKey,
  readKey,
  repositoriesRange,
  repositoryKey,
} from "./keys.ts";
import { deleteManifest } from "./manifest-removal.ts";
import type { Attempt, Unsettled } from "./outcome.ts";
import { settle } from "./outcome.ts";
import { findProject } from "./projects.ts";
import { live } from "./record-state.ts";
import { decodeRepository, encodeRepository } from "./repositories.ts";

export interface RepositoryDeletion {
  readonly repository: RepositoryName;
  readonly actor: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * Deletes the repository with its manifests, tags and blob links; it is gone for readers when this
 * resolves. Not one transaction: its manifests go one by one, and after a failure the call is
 * repeated.
 */
export async function deleteRepository(
  store: Store,
  what: RepositoryDeletion,
): Promise<Result<null, { readonly code: "repository-unknown" } | Unsettled>> {
  const condemned = await condemn(store, what);
  if (!condemned.ok) return condemned;
  const emptied = await deleteManifests(store, what);
  if (!emptied.ok) return emptied;
  return condemnBlobLinks(store, blobLinksRange({ repository: what.repository }), what.nowMs);
}

function condemn(
  store: Store,
  { repository, actor, nowMs }: RepositoryDeletion,
): Promise<Result<null, { readonly code: "repository-unknown" } | Unsettled>> {
  return settle(store, async (transaction) => {
    const value = await transaction.get(repositoryKey(repository));
    if (value === null) return err({ code: "repository-unknown" as const });
    const record = decodeRepository(value);
    // Condemned already: an earlier call did not come to its end, so this one goes on from there.
    if (record.state.type === "condemned") return ok(null);
    const state = { type: "condemned", atTs: transaction.startTs } as const;
    transaction.put(repositoryKey(repository), encodeRepository({ ...record, state }));
    const outbox = createOutbox(transaction, { actor, occurredMs: nowMs });
    outbox.add({ type: "repository.deleted", repository });
    return ok(null);
  });
}

const manifestsPage = 100;

async function deleteManifests(
  store: Store,
  what: RepositoryDeletion,
): Promise<Result<null, Unsettled>> {
  for (;;) {
    const digests = await readManifests(store, what.repository);
    for (const digest of digests) {
      const deleted = await deleteManifest(store, { ...what, digest });
      if (!deleted.ok && deleted.error.code !== "manifest-unknown") return err(deleted.error);
    }
    if (digests.length < manifestsPage) return ok(null);
  }
}

async function readManifests(store: Store, repository: RepositoryName): Promise<Digest[]> {
  const snapshot = await store.snapshot();
  try {
    const range = manifestsRange(repository, null);
    const entries = await snapshot.scan(range, { limit: manifestsPage, keysOnly: true });
    return entries.map(({ key }) => {
      const segments = readKey(key);
      segments.text();
      return segments.digest();
    });
  } finally {
    snapshot.release();
  }
}

export interface ProjectDeletion {
  readonly name: ProjectName;
  readonly actor: string;
}

export type ProjectDeletionFailure =
  | { readonly code: "project-unknown" }
  /** It has repositories. */
  | { readonly code: "project-not-empty" };

/**
 * Longer than the age at which every store refuses to commit: a process may stand still meanwhile.
 */
export const projectGraceMs = transactionAgeMsMax + 5_000;

/**
 * Refused while the project has repositories. Where some were deleted before, it takes
 * `projectGraceMs`: only then can no push into them be left. Called again after a failure, it
 * starts afresh.
 */
export async function deleteProject(
  env: Env,
  store: Store,
  what: ProjectDeletion,
): Promise<Result<null, ProjectDeletionFailure | Unsettled>> {
  const condemned = await settle(store, (transaction) => readCondemned(transaction, what.name));
  if (!condemned.ok) return condemned;
  if (condemned.value.size > 0) await env.clock.sleep(projectGraceMs);
  for (;;) {
    const swept = await settle(store, (transaction) =>
      sweepCondemned(transaction, what.name, condemned.value),
    );
    if (!swept.ok) return swept;
    if (!swept.value.more) break;
  }
  // Blobs that were uploaded and never named: a later project of this name must not have them.
  const unlinked = await condemnBlobLinks(
    store,
    blobLinksRange({ project: what.name }),
    env.clock.now(),
  );
  if (!unlinked.ok) return unlinked;
  const deletion = { ...what, nowMs: env.clock.now() };
  return settle(store, (transaction, attempt) => removeProject(transaction, deletion, attempt));
}

/** Repository → when it was condemned. */
type Condemned = ReadonlyMap<string, Timestamp>;

const repositoriesPage = 1_000;

async function readCondemned(
  transaction: Transaction,
  project: ProjectName,
): Promise<Result<Condemned, ProjectDeletionFailure>> {
  const condemned = new Map<string, Timestamp>();
  for (let after: string | null = null; ; ) {
    const range = repositoriesRange(project, after);
    const entries = await transaction.scan(range, { limit: repositoriesPage });
    for (const { key, value } of entries) {
      const { state } = decodeRepository(value);
      if (state.type === "live") return err({ code: "project-not-empty" });
      after = readKey(key).text();
      condemned.set(after, state.atTs);
    }
    if (entries.length < repositoriesPage) return ok(condemned);
  }
}

/** Two reads and a write each. */
const sweptPage = 100;

/** Removes a page of what was condemned before the wait; revives what a push reached after all. */
async function sweepCondemned(
  transaction: Transaction,
  project: ProjectName,
  condemned: Condemned,
): Promise<Result<{ readonly more: boolean }, ProjectDeletionFailure>> {
  const range = repositoriesRange(project, null);
  const entries = await transaction.scan(range, { limit: sweptPage });
  for (const { key, value } of entries) {
    const record = decodeRepository(value);
    const repository = readKey(key).text() as RepositoryName;
    const waited =
      record.state.type === "condemned" && condemned.get(repository) === record.state.atTs;
    // Revived meanwhile, or new, or condemned once more.
    if (!waited) return err({ code: "project-not-empty" });
    const manifests = manifestsRange(repository, null);
    const reached = (await transaction.scan(manifests, { limit: 1, keysOnly: true })).length > 0;
    if (reached) {
      transaction.put(repositoryKey(repository), encodeRepository({ ...record, state: live }));
    } else {
      transaction.delete(repositoryKey(repository));
    }
  }
  return ok({ more: entries.length > 0 });
}

async function removeProject(
  transaction: Transaction,
  what: ProjectDeletion & { readonly nowMs: number },
  attempt: Attempt,
): Promise<Result<null, ProjectDeletionFailure>> {
  const { name, actor, nowMs } = what;
  const project = await findProject(transaction, name);
  if (project === null) return attempt.mayBeDone ? ok(null) : err({ code: "project-unknown" });
  const range = repositoriesRange(name, null);
  const repositories = await transaction.scan(range, { limit: 1, keysOnly: true });
  if (repositories.length > 0) return err({ code: "project-not-empty" });
  transaction.delete(projectKey(name));
  transaction.delete(projectIdKey(project.id));
  const outbox = createOutbox(transaction, { actor, occurredMs: nowMs });
  outbox.add({ type: "project.deleted", project: name });
  return ok(null);
}
