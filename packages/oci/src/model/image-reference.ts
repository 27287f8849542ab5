// The name people type: `[host[:port]/]name[:tag][@digest]` (the grammar of
// distribution/reference). Nothing is filled in: no docker.io, no `library/`, no `latest`. Whoever
// asks decides on defaults.

import type { Digest, DigestFailure } from "./digest.ts";
import { parseDigest } from "./digest.ts";
import type { RepositoryName, Tag } from "./names.ts";
import { parseRepositoryName, parseTag } from "./names.ts";
import type { Result } from "./result.ts";
import { err, ok } from "./result.ts";

export interface ImageReference {
  /** `host` or `host:port`, lower case as typed or not; null when none was typed. */
  readonly registry: string | null;
  readonly repository: RepositoryName;
  readonly tag: Tag | null;
  readonly digest: Digest | null;
}

export type ImageReferenceFailure =
  | "registry-invalid"
  | "name-invalid"
  | "tag-invalid"
  | DigestFailure;

const hostCharsMax = 253;
const imageReferenceCharsMax = 1024;
const label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9])";
const hostGrammar = new RegExp(`^${label}(?:\\.${label})*$`);
const ipv6Grammar = /^\[[0-9a-fA-F:.]{2,45}\]$/;
const portMax = 65_535;

export function parseImageReference(text: string): Result<ImageReference, ImageReferenceFailure> {
  if (text.length > imageReferenceCharsMax) return err("name-invalid");
  const [named, digestText] = splitOnce(text, text.indexOf("@"));
  const [registry, path] = splitRegistry(named);
  if (registry !== null && !isRegistryHost(registry)) return err("registry-invalid");
  const [nameText, tagText] = splitOnce(path, path.indexOf(":"));

  const repository = parseRepositoryName(nameText);
  if (!repository.ok) return repository;
  const tag = tagText === null ? ok(null) : parseTag(tagText);
  if (!tag.ok) return tag;
  const digest = digestText === null ? ok(null) : parseDigest(digestText);
  if (!digest.ok) return digest;
  return ok({ registry, repository: repository.value, tag: tag.value, digest: digest.value });
}

export function formatImageReference(image: ImageReference): string {
  const registry = image.registry === null ? "" : `${image.registry}/`;
  const tag = image.tag === null ? "" : `:${image.tag}`;
  const digest = image.digest === null ? "" : `@${image.digest}`;
  return `${registry}${image.repository}${tag}${digest}`;
}

/** `host` or `host:port`, where host is a name, an IPv4 address or an IPv6 address in brackets. */
export function isRegistryHost(text: string): boolean {
  const colon = text.lastIndexOf(":");
  const hasPort = colon > text.lastIndexOf("]");
  const host = hasPort ? text.slice(0, colon) : text;
  if (hasPort && !isPort(text.slice(colon + 1))) return false;
  if (host.length > hostCharsMax) return false;
  return hostGrammar.test(host) || ipv6Grammar.test(host);
}

function isPort(text: string): boolean {
  return /^[0-9]{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= portMax;
}

// The first component is a registry only when it cannot be part of a name (it has a dot, a colon or
// an upper-case letter) or is `localhost`: the rule of Docker's reference normaliser.
function splitRegistry(named: string): [string | null, string] {
  const slash = named.indexOf("/");
  if (slash === -1) return [null, named];
  const first = named.slice(0, slash);
  const isRegistry = /[.:A-Z[]/.test(first) || first === "localhost";
  return isRegistry ? [first, named.slice(slash + 1)] : [null, named];
}

function splitOnce(text: string, index: number): [string, string | null] {
  return index === -1 ? [text, null] : [text.slice(0, index), text.slice(index + 1)];
}
