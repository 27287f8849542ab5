// The names a client puts into a URL: repository, tag, and the reference that is a tag or a digest
// (OCI distribution-spec, "Pulling manifests"). None of them can hold `..`, an empty component, a
// backslash, a percent sign or a NUL, so a parsed name is safe as a key and as a path.

import type { Digest, DigestFailure } from "./digest.ts";
import { parseDigest } from "./digest.ts";
import type { Result } from "./result.ts";
import { err, ok } from "./result.ts";

export type RepositoryName = string & { readonly brand: "RepositoryName" };
export type Tag = string & { readonly brand: "Tag" };

/** What follows `/manifests/`. */
export type Reference =
  | { readonly type: "tag"; readonly tag: Tag }
  | { readonly type: "digest"; readonly digest: Digest };

/** Docker's and distribution's bound on a name with all its components. */
export const repositoryNameCharsMax = 255;
export const tagCharsMax = 128;

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const repositoryName = new RegExp(`^${component}(?:/${component})*$`);
const tagGrammar = /^[a-zA-Z0-9_][a-zA-Z0-9._-]*$/;

export function parseRepositoryName(text: string): Result<RepositoryName, "name-invalid"> {
  if (text.length > repositoryNameCharsMax || !repositoryName.test(text))
    return err("name-invalid");
  return ok(text as RepositoryName);
}

export function parseTag(text: string): Result<Tag, "tag-invalid"> {
  if (text.length > tagCharsMax || !tagGrammar.test(text)) return err("tag-invalid");
  return ok(text as Tag);
}

/** A tag has no colon and a digest always has one, so the two cannot be confused. */
export function parseReference(text: string): Result<Reference, "tag-invalid" | DigestFailure> {
  if (text.includes(":")) {
    const digest = parseDigest(text);
    return digest.ok ? ok({ type: "digest", digest: digest.value }) : digest;
  }
  const tag = parseTag(text);
  return tag.ok ? ok({ type: "tag", tag: tag.value }) : tag;
}

export function formatReference(reference: Reference): string {
  return reference.type === "tag" ? reference.tag : reference.digest;
}

/** The components of a name, of which there is at least one. */
export function nameComponents(name: RepositoryName): string[] {
  return name.split("/");
}
