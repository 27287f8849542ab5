// The ways in which a blob gets into a repository: at once, by a second request, in chunks, by a
// mount; and the end of an upload that a crash has interrupted.

import { send } from "../registry-client.ts";
import type { RegistryClient } from "./client.ts";
import type { Content } from "./images.ts";

export interface BegunUpload {
  readonly repository: string;
  readonly content: Content;
  readonly location: string;
}

export type Uploaded =
  | "stored"
  /** Refused or unknown: a client would begin again. */
  | { readonly status: number };

export interface UploadNotes {
  /** An upload that the next life may go on with. */
  begun(upload: BegunUpload): void;
  ended(): void;
}

export interface BlobPush {
  readonly repository: string;
  readonly content: Content;
  /** A repository that has it, for a mount. */
  readonly from: string | null;
}

const chunksMax = 4;

export async function pushBlob(
  client: RegistryClient,
  push: BlobPush,
  notes: UploadNotes,
): Promise<Uploaded> {
  const { repository, content, from } = push;
  const uploads = `/v2/${repository}/blobs/uploads/`;
  if (from === null && client.env.random.int(3) === 0) {
    const pathAndQuery = `${uploads}?digest=${content.digest}`;
    const { status } = await send(
      client,
      { method: "POST", pathAndQuery },
      { body: content.bytes },
    );
    return status === 201 ? "stored" : { status };
  }
  const query = from === null ? "" : `?mount=${content.digest}&from=${from}`;
  const begun = await send(client, { method: "POST", pathAndQuery: `${uploads}${query}` });
  if (begun.status === 201) return "stored";
  const location = begun.header("location");
  if (begun.status !== 202 || location === null) return { status: begun.status };
  notes.begun({ repository, content, location });
  const ended = await sendFrom(client, { repository, content, location }, 0);
  notes.ended();
  return ended;
}

/** Asks how far it came and goes on from there. */
export async function resumeUpload(
  client: RegistryClient,
  upload: BegunUpload,
): Promise<Uploaded | "gone"> {
  const state = await send(client, { method: "GET", pathAndQuery: upload.location });
  if (state.status === 404) return "gone";
  if (state.status !== 204) return { status: state.status };
  // `0-N` is inclusive; an empty upload cannot say so and says 0-0.
  const last = Number(/^0-(\d+)$/.exec(state.header("range") ?? "")?.[1] ?? "0");
  const stored = last === 0 ? 0 : last + 1;
  if (stored > upload.content.bytes.length) return { status: 416 };
  return sendFrom(client, upload, stored);
}

async function sendFrom(
  client: RegistryClient,
  { content, location }: BegunUpload,
  from: number,
): Promise<Uploaded> {
  const { random } = client.env;
  const { bytes, digest } = content;
  let at = from;
  let to = location;
  for (let chunks = random.int(chunksMax); chunks > 0 && at < bytes.length; chunks -= 1) {
    const end = Math.min(bytes.length, at + 1 + random.int(bytes.length - at));
    const headers = { "content-range": `${at}-${end - 1}` };
    const body = bytes.subarray(at, end);
    const answer = await send(client, { method: "PATCH", pathAndQuery: to }, { headers, body });
    if (answer.status !== 202) return { status: answer.status };
    to = answer.header("location") ?? to;
    at = end;
  }
  const rest = bytes.subarray(at);
  const headers = rest.length === 0 ? {} : { "content-range": `${at}-${bytes.length - 1}` };
  const pathAndQuery = `${to}?digest=${digest}`;
  const { status } = await send(client, { method: "PUT", pathAndQuery }, { headers, body: rest });
  return status === 201 ? "stored" : { status };
}
