// A digest names content by its hash: `algorithm ":" encoded` (OCI image-spec, descriptor.md,
// "Digests"). A Digest exists only for an algorithm we can compute, so that whoever holds one can
// verify it.

import { createHash } from "node:crypto";
import type { Result } from "./result.ts";
import { err, ok } from "./result.ts";

export type Digest = string & { readonly brand: "Digest" };
export type DigestAlgorithm = "sha256" | "sha512";

/** Not a digest at all, or a well-formed one of an algorithm that is not computed here. */
export type DigestFailure = "digest-invalid" | "digest-unsupported";

const hexLengths: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };
const digestCharsMax = 255;
const grammar = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)$/;
const lowerHex = /^[0-9a-f]+$/;

export function parseDigest(text: string): Result<Digest, DigestFailure> {
  if (text.length > digestCharsMax) return err("digest-invalid");
  const match = grammar.exec(text);
  if (match === null) return err("digest-invalid");
  const [, name = "", encoded = ""] = match;
  if (!isDigestAlgorithm(name)) return err("digest-unsupported");
  // Upper case is refused rather than folded: one content has one name.
  if (encoded.length !== hexLengths[name] || !lowerHex.test(encoded)) return err("digest-invalid");
  return ok(text as Digest);
}

export function isDigestAlgorithm(name: string): name is DigestAlgorithm {
  return Object.hasOwn(hexLengths, name);
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(":")) as DigestAlgorithm;
}

/** The encoded part, lower-case hexadecimal. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

export function computeDigest(bytes: Uint8Array, algorithm: DigestAlgorithm = "sha256"): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}` as Digest;
}

/** True when the bytes are those that the digest names. */
export function verifyDigest(digest: Digest, bytes: Uint8Array): boolean {
  return computeDigest(bytes, digestAlgorithm(digest)) === digest;
}

/** The digest of bytes that arrive in parts. `finish` is called once, after the last `update`. */
export interface Digester {
  update(bytes: Uint8Array): void;
  finish(): Digest;
}

export function createDigester(algorithm: DigestAlgorithm): Digester {
  const hash = createHash(algorithm);
  return {
    update: (bytes) => void hash.update(bytes),
    finish: () => `${algorithm}:${hash.digest("hex")}` as Digest,
  };
}
