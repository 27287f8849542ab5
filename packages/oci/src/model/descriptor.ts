// A descriptor points at content: media type, digest, size (OCI image-spec, descriptor.md). Strict
// in what safety hangs on (digest, size, media type), lenient in everything else; unknown fields
// pass.

import type { Digest } from "./digest.ts";
import { parseDigest } from "./digest.ts";
import { isMediaType } from "./media-types.ts";
import type { Result } from "./result.ts";
import { err, ok } from "./result.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly artifactType: string | null;
  readonly annotations: Annotations;
  readonly platform: Platform | null;
  /** Where else the content may be fetched; only foreign layers have any. */
  readonly urls: readonly string[];
}

export type Annotations = Readonly<Record<string, string>>;

export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly osVersion: string | null;
  readonly variant: string | null;
}

/** A parsed JSON object, whose fields are yet to be looked at. */
export type JsonObject = { readonly [field: string]: unknown };

/** `path` is where the descriptor stands, such as `layers[3]`; a failure is a sentence about it. */
export function parseDescriptor(value: unknown, path: string): Result<Descriptor, string> {
  if (!isJsonObject(value)) return err(`${path} is not an object`);
  const ambiguous = ambiguousField(value, descriptorFields);
  if (ambiguous !== null) return err(`${path} has a field ${ambiguous}`);
  const { mediaType, digest: digestText, size } = value;
  if (typeof mediaType !== "string" || !isMediaType(mediaType)) {
    return err(`${path}.mediaType is not a media type`);
  }
  if (typeof digestText !== "string") return err(`${path}.digest is not a string`);
  const digest = parseDigest(digestText);
  if (!digest.ok) return err(`${path}.digest is ${digestWord[digest.error]}`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    return err(`${path}.size is not a whole number of bytes`);
  }
  const annotations = parseAnnotations(value["annotations"], `${path}.annotations`);
  if (!annotations.ok) return annotations;
  const artifactType = parseArtifactType(value["artifactType"], `${path}.artifactType`);
  if (!artifactType.ok) return artifactType;
  return ok({
    mediaType,
    digest: digest.value,
    size,
    artifactType: artifactType.value,
    annotations: annotations.value,
    platform: readPlatform(value["platform"]),
    urls: readStrings(value["urls"]),
  });
}

const descriptorFields = new Map(
  ["mediaType", "digest", "size", "urls", "artifactType", "platform"].map(foldedEntry),
);

const digestWord = {
  "digest-invalid": "not a digest",
  "digest-unsupported": "of an algorithm that is not supported (sha256 and sha512 are)",
} as const;

/** null, which Go programs write for an empty map, counts as absent. */
export function parseAnnotations(value: unknown, path: string): Result<Annotations, string> {
  if (value === undefined || value === null) return ok({});
  if (!isJsonObject(value)) return err(`${path} is not an object`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") return err(`${path}[${JSON.stringify(key)}] is not a string`);
  }
  return ok(value as Annotations);
}

/** An empty text, which Go programs may write for none, counts as absent. */
export function parseArtifactType(value: unknown, path: string): Result<string | null, string> {
  if (value === undefined || value === null || value === "") return ok(null);
  if (typeof value !== "string" || !isMediaType(value)) return err(`${path} is not a media type`);
  return ok(value);
}

/**
 * A field whose name differs from a known one in case alone. Programs in Go take it for the known
 * one, so that they would read another manifest than we do; nobody writes it by accident.
 */
export function ambiguousField(
  value: JsonObject,
  fields: ReadonlyMap<string, string>,
): string | null {
  for (const key of Object.keys(value)) {
    const known = fields.get(fold(key));
    if (known !== undefined && known !== key) return `${JSON.stringify(key)} beside ${known}`;
  }
  return null;
}

export function foldedEntry(name: string): [string, string] {
  return [fold(name), name];
}

/** As Go folds: both cases, the long s and the Kelvin sign are one letter. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// A platform only helps to choose; one that cannot be read does not make an index invalid.
function readPlatform(value: unknown): Platform | null {
  if (!isJsonObject(value)) return null;
  const { architecture, os, variant } = value;
  if (typeof architecture !== "string" || typeof os !== "string") return null;
  const osVersion = value["os.version"];
  return {
    architecture,
    os,
    osVersion: typeof osVersion === "string" ? osVersion : null,
    variant: typeof variant === "string" ? variant : null,
  };
}

function readStrings(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is string => typeof item === "string");
}
