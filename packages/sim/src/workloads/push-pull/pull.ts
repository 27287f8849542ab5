// Pulls, and what is wrong with what they find: a manifest that is seen is whole, and so is every
// blob that it names; a tag points at what was pushed; what was answered is there.

import { computeDigest, type Digest } from "@sampan/oci/model";
import { type Answer, send } from "../registry-client.ts";
import type { RegistryClient } from "./client.ts";
import type { Content } from "./images.ts";
import type { PushedManifest, Shelf, Tag } from "./shelf.ts";

export interface Pulled {
  readonly outcome: "pulled" | "not there" | "unavailable";
  /** What is wrong. */
  readonly wrong: readonly string[];
}

/** `unavailable` in the last check is wrong too: nothing stands in the way there. */
export async function pullTag(client: RegistryClient, shelf: Shelf, tag: Tag): Promise<Pulled> {
  const { repository, name } = tag;
  const before = new Set(tag.possible);
  const pathAndQuery = `/v2/${repository}/manifests/${name}`;
  const answer = await send(client, { method: "GET", pathAndQuery });
  if (isUnavailable(answer)) return { outcome: "unavailable", wrong: [] };
  const found = answer.status === 404 ? null : (answer.header("docker-content-digest") as Digest);
  const what = `${repository}:${name}`;
  if (!before.has(found) && !tag.possible.has(found)) {
    const expected = [...before].map((digest) => digest ?? "nothing").join(" or ");
    return { outcome: "pulled", wrong: [`${what} is ${found ?? "nothing"}, not ${expected}`] };
  }
  if (found === null) return { outcome: "not there", wrong: [] };
  const pushed = shelf.manifest(repository, found);
  if (pushed === null) return { outcome: "pulled", wrong: [`${what} is ${found}, never pushed`] };
  return { outcome: "pulled", wrong: await pullWhole(client, pushed, answer) };
}

export async function pullManifest(
  client: RegistryClient,
  pushed: PushedManifest,
): Promise<Pulled> {
  const { repository, image } = pushed;
  const stateBefore = pushed.state;
  const { digest } = image.manifest;
  const pathAndQuery = `/v2/${repository}/manifests/${digest}`;
  const answer = await send(client, { method: "GET", pathAndQuery });
  if (isUnavailable(answer)) return { outcome: "unavailable", wrong: [] };
  const what = `${repository}@${digest}`;
  if (answer.status === 404) {
    const isLost = stateBefore === "there" && pushed.state === "there";
    return { outcome: "not there", wrong: isLost ? [`${what} was pushed and is gone`] : [] };
  }
  const isBack = stateBefore === "deleted";
  const wrong = await pullWhole(client, pushed, answer);
  return { outcome: "pulled", wrong: isBack ? [`${what} was deleted and is there`] : wrong };
}

export async function pullBlob(
  client: RegistryClient,
  repository: string,
  content: Content,
): Promise<Pulled> {
  const pathAndQuery = `/v2/${repository}/blobs/${content.digest}`;
  const what = `${repository}@${content.digest}`;
  const { random } = client.env;
  const start = random.int(3) === 0 ? random.int(content.bytes.length) : 0;
  const headers: Record<string, string> = start === 0 ? {} : { range: `bytes=${start}-` };
  const answer = await send(client, { method: "GET", pathAndQuery }, { headers });
  if (isUnavailable(answer)) return { outcome: "unavailable", wrong: [] };
  if (answer.status !== (start === 0 ? 200 : 206)) {
    return { outcome: "not there", wrong: [`blob ${what}: status ${answer.status}`] };
  }
  const isWhole = answer.body.equals(content.bytes.subarray(start));
  return { outcome: "pulled", wrong: isWhole ? [] : [`blob ${what} has other bytes`] };
}

/** The manifest is there: then it and all that it names must be whole. */
async function pullWhole(
  client: RegistryClient,
  { repository, image }: PushedManifest,
  answer: Answer,
): Promise<string[]> {
  const { digest, bytes } = image.manifest;
  if (answer.status !== 200) return [`${repository}@${digest}: status ${answer.status}`];
  if (!answer.body.equals(bytes) || computeDigest(answer.body) !== digest) {
    return [`${repository}@${digest} has other bytes`];
  }
  const wrong: string[] = [];
  for (const content of [image.config, ...image.layers]) {
    wrong.push(...(await pullBlob(client, repository, content)).wrong);
  }
  if (wrong.length > 0 && (await isGone(client, repository, digest))) return [];
  return wrong.map((text) => `torn: ${repository}@${digest} is there, ${text}`);
}

/** Deleted while it was pulled (or nobody can say): then the collector may have been at its blobs. */
async function isGone(
  client: RegistryClient,
  repository: string,
  digest: Digest,
): Promise<boolean> {
  const pathAndQuery = `/v2/${repository}/manifests/${digest}`;
  const answer = await send(client, { method: "HEAD", pathAndQuery });
  return answer.status === 404 || isUnavailable(answer);
}

export function isUnavailable({ status }: Answer): boolean {
  return status >= 500 || status === 429;
}
