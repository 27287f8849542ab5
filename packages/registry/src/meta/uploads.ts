// Uploads under way. The record names the location of the bytes, so that no sweep takes them; how
// many there are only the blob store knows, and a PATCH writes nothing here.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Reader, Store } from "@sampan/kv/txn";
import type { RepositoryName } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";
import { projectOf } from "../core/project-name.ts";
import { locationKey, projectKey, readKey, uploadKey, uploadsRange } from "./keys.ts";
import { encodeLocation } from "./locations.ts";
import type { Unsettled } from "./outcome.ts";
import { settle, unlessDone } from "./outcome.ts";
import { decodeJson, encodeJson } from "./record-bytes.ts";

const uploadVersion = 1;

export interface Upload {
  /** A UUID. */
  readonly id: string;
  readonly repository: RepositoryName;
  readonly location: BlobLocation;
  /** Wall clock, milliseconds since the epoch. */
  readonly startedMs: number;
  readonly actor: string;
}

function encodeUpload(upload: Upload): Uint8Array {
  const { id: _, ...fields } = upload;
  return encodeJson(uploadVersion, fields);
}

export function decodeUpload(id: string, bytes: Uint8Array): Upload {
  const fields = decodeJson<Omit<Upload, "id">>(bytes, uploadVersion);
  const { repository, location, startedMs: started, actor } = fields;
  return { id, repository, location, startedMs: started, actor };
}

/**
 * `id` is fresh (env.random.uuid()), and the location has been created in the blob store. No record
 * names it after a failure other than `undetermined`.
 */
export function createUpload(
  store: Store,
  upload: Upload,
): Promise<Result<Upload, { readonly code: "project-unknown" } | Unsettled>> {
  return settle(store, async (transaction, attempt) => {
    const project = projectOf(upload.repository);
    const exists = project !== null && (await transaction.get(projectKey(project))) !== null;
    if (!exists) return unlessDone(err({ code: "project-unknown" as const }), attempt);
    transaction.put(uploadKey(upload.id), encodeUpload(upload));
    transaction.put(
      locationKey(upload.location),
      encodeLocation({ type: "upload", id: upload.id }),
    );
    return ok(upload);
  });
}

/** Ids are UUIDs; a longer or stranger text from a URL is no key. */
const idGrammar = /^[0-9a-f-]{36}$/;

/** Null when there is none of this id in this repository. */
export async function findUpload(
  reader: Reader,
  repository: RepositoryName,
  id: string,
): Promise<Upload | null> {
  if (!idGrammar.test(id)) return null;
  const value = await reader.get(uploadKey(id));
  if (value === null) return null;
  const upload = decodeUpload(id, value);
  return upload.repository === repository ? upload : null;
}

/**
 * Forgets the upload; the caller then deletes the bytes at its location, which no record names or
 * ever will. After any failure they are not the caller's: an upload that is unknown may have become
 * a blob, at the same location, since it was looked up.
 */
export function deleteUpload(
  store: Store,
  what: { readonly repository: RepositoryName; readonly id: string },
): Promise<Result<Upload, { readonly code: "upload-unknown" } | Unsettled>> {
  let deleted: Upload | null = null;
  return settle(store, async (transaction, attempt) => {
    const upload = await findUpload(transaction, what.repository, what.id);
    if (upload === null) {
      const done = attempt.mayBeDone ? deleted : null;
      if (done !== null && !(await isNamed(transaction, done))) return ok(done);
      return err({ code: "upload-unknown" as const });
    }
    transaction.delete(uploadKey(upload.id));
    transaction.delete(locationKey(upload.location));
    // Only remembered, for a run that finds the work of an earlier one done.
    deleted = upload;
    return ok(upload);
  });
}

/**
 * Only an upload's own commit names its location anew, and removes its record with it. So once the
 * record is gone and nothing names the location, that is final.
 */
async function isNamed(reader: Reader, { location }: Upload): Promise<boolean> {
  return (await reader.get(locationKey(location))) !== null;
}

export interface UploadPage {
  readonly uploads: readonly Upload[];
  /** Give it as `after` to go on; null at the end. */
  readonly next: string | null;
}

/** Looks at up to `limit` uploads behind `after` and gives those that started before `beforeMs`. */
export async function listUploadsOlder(
  reader: Reader,
  page: { readonly beforeMs: number; readonly after: string | null; readonly limit: number },
): Promise<UploadPage> {
  const entries = await reader.scan(uploadsRange(page.after), { limit: page.limit });
  const all = entries.map(({ key, value }) => decodeUpload(readKey(key).text(), value));
  const uploads = all.filter((upload) => upload.startedMs < page.beforeMs);
  const last = all.at(-1);
  return { uploads, next: entries.length < page.limit || last === undefined ? null : last.id };
}
