// Manifests and indexes, OCI and Docker schema 2, from bytes (OCI image-spec, manifest.md and
// image-index.md). The bytes themselves are what is stored and hashed; this is what the registry
// must know of them: what they need, what they point at, what kind they are.

import type { Annotations, Descriptor, JsonObject } from "./descriptor.ts";
import {
  ambiguousField,
  foldedEntry,
  isJsonObject,
  parseAnnotations,
  parseArtifactType,
  parseDescriptor,
} from "./descriptor.ts";
import { exceededBound, type JsonBounds } from "./json-bounds.ts";
import type { ManifestMediaType } from "./media-types.ts";
import {
  bareMediaType,
  isForeignLayer,
  isManifestMediaType,
  manifestShape,
  mediaTypes,
} from "./media-types.ts";
import type { Result } from "./result.ts";
import { err, ok } from "./result.ts";

export type Manifest = ImageManifest | ImageIndex;

interface ManifestBase {
  readonly mediaType: ManifestMediaType;
  readonly artifactType: string | null;
  /** The manifest this one is about (a signature's image); it need not exist. OCI only. */
  readonly subject: Descriptor | null;
  readonly annotations: Annotations;
}

export interface ImageManifest extends ManifestBase {
  readonly type: "image";
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface ImageIndex extends ManifestBase {
  readonly type: "index";
  readonly children: readonly Descriptor[];
}

/** `message` is a sentence for the client's user, naming the field. */
export interface ManifestFailure {
  readonly code: "manifest-too-large" | "manifest-invalid" | "manifest-unsupported";
  readonly message: string;
}

/** The specification asks registries to take at least this much; we take no more. Bytes. */
export const manifestBytesMax = 4 * 1024 * 1024;

/** Layers of one manifest or children of one index. */
export const manifestDescriptorsMax = 4_000;

/** Far beyond any manifest: 4,000 descriptors with a platform, URLs and annotations each. */
const jsonBounds: JsonBounds = { depthMax: 64, containersMax: 50_000, membersMax: 150_000 };

const boundWords: Readonly<Record<keyof JsonBounds, string>> = {
  depthMax: `manifest nests deeper than ${jsonBounds.depthMax} levels`,
  containersMax: `manifest has more than ${jsonBounds.containersMax} objects and lists`,
  membersMax: `manifest has more than ${jsonBounds.membersMax} fields`,
};

const schema1MediaTypes: readonly string[] = [
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

const manifestFields = new Map(
  [
    ...["schemaVersion", "mediaType", "artifactType", "config", "layers"],
    ...["manifests", "subject", "annotations"],
  ].map(foldedEntry),
);

// Content types that say nothing about which manifest it is; the body's own mediaType then decides.
const vagueMediaTypes: readonly string[] = ["", "application/json", "application/octet-stream"];

/** `contentType` is the header with which the bytes came, null where there was none. */
export function parseManifest(
  bytes: Uint8Array,
  contentType: string | null,
): Result<Manifest, ManifestFailure> {
  if (bytes.length > manifestBytesMax) {
    return failure("manifest-too-large", `manifest is larger than ${manifestBytesMax} bytes`);
  }
  const exceeded = exceededBound(bytes, jsonBounds);
  if (exceeded !== null) return invalid(boundWords[exceeded]);
  const json = parseJsonObject(bytes);
  if (json === null) return invalid("manifest is not a JSON object");
  const ambiguous = ambiguousField(json, manifestFields);
  if (ambiguous !== null) return invalid(`manifest has a field ${ambiguous}`);
  const mediaType = decideMediaType(json, contentType);
  if (!mediaType.ok) return mediaType;
  if (json["schemaVersion"] !== 2) return invalid("schemaVersion is not 2");
  const base = parseBase(json, mediaType.value);
  if (!base.ok) return invalid(base.error);
  const manifest =
    manifestShape(mediaType.value) === "image"
      ? parseImage(json, base.value)
      : parseIndex(json, base.value);
  return manifest.ok ? manifest : invalid(manifest.error);
}

/** What has to be in the repository before the manifest may be: foreign layers may be absent. */
export function requiredBlobs(manifest: Manifest): readonly Descriptor[] {
  if (manifest.type === "index") return [];
  const layers = manifest.layers.filter((layer) => !isForeignLayer(layer.mediaType));
  return [manifest.config, ...layers];
}

export function requiredManifests(manifest: Manifest): readonly Descriptor[] {
  return manifest.type === "index" ? manifest.children : [];
}

/**
 * The artifactType a referrers list gives: the config's media type stands in for an image's own.
 */
export function referrerArtifactType(manifest: Manifest): string | null {
  if (manifest.artifactType !== null || manifest.type === "index") return manifest.artifactType;
  return manifest.config.mediaType;
}

function decideMediaType(
  json: JsonObject,
  contentType: string | null,
): Result<ManifestMediaType, ManifestFailure> {
  const header = bareMediaType(contentType ?? "");
  const inBody = json["mediaType"];
  if (inBody !== undefined && inBody !== null && typeof inBody !== "string") {
    return invalid("mediaType is not a string");
  }
  const body = inBody ?? "";
  if (json["schemaVersion"] === 1 || schema1MediaTypes.includes(header)) {
    return unsupported("Docker image manifest schema 1 is not supported; push schema 2 or OCI");
  }
  if (vagueMediaTypes.includes(header)) return mediaTypeOfBody(json, body);
  if (!isManifestMediaType(header)) {
    return unsupported(`manifests of media type ${JSON.stringify(header)} are not supported`);
  }
  if (body === "" && isDockerMediaType(header)) return invalid("mediaType is missing");
  if (body !== "" && body !== header) {
    return invalid(`mediaType differs from the Content-Type ${header}`);
  }
  return ok(header);
}

function mediaTypeOfBody(
  json: JsonObject,
  body: string,
): Result<ManifestMediaType, ManifestFailure> {
  if (isManifestMediaType(body)) return ok(body);
  if (body !== "") {
    return unsupported(`manifests of media type ${JSON.stringify(body)} are not supported`);
  }
  // OCI manifests may leave mediaType out, and then only their fields tell them apart.
  if (json["manifests"] !== undefined) return ok(mediaTypes.ociIndex);
  if (json["config"] !== undefined) return ok(mediaTypes.ociManifest);
  return invalid("neither the Content-Type nor the content says what kind of manifest it is");
}

function isDockerMediaType(mediaType: ManifestMediaType): boolean {
  return mediaType === mediaTypes.dockerManifest || mediaType === mediaTypes.dockerManifestList;
}

function parseBase(json: JsonObject, mediaType: ManifestMediaType): Result<ManifestBase, string> {
  const annotations = parseAnnotations(json["annotations"], "annotations");
  if (!annotations.ok) return annotations;
  // Docker's formats know neither field, so there they are unknown fields and mean nothing.
  if (isDockerMediaType(mediaType)) {
    return ok({ mediaType, artifactType: null, subject: null, annotations: annotations.value });
  }
  const artifactType = parseArtifactType(json["artifactType"], "artifactType");
  if (!artifactType.ok) return artifactType;
  const subject = parseSubject(json["subject"]);
  if (!subject.ok) return subject;
  return ok({
    mediaType,
    artifactType: artifactType.value,
    subject: subject.value,
    annotations: annotations.value,
  });
}

function parseSubject(value: unknown): Result<Descriptor | null, string> {
  if (value === undefined || value === null) return ok(null);
  return parseDescriptor(value, "subject");
}

// A body that is image and index at once would be read as one by some clients and as the other by
// the rest, so that a signature or a scan covers what is not run (CVE-2021-41190).
function parseImage(json: JsonObject, base: ManifestBase): Result<ImageManifest, string> {
  if (json["manifests"] !== undefined) return err("an image manifest has a field manifests");
  const config = parseDescriptor(json["config"], "config");
  if (!config.ok) return config;
  const layers = parseDescriptors(json["layers"], "layers");
  if (!layers.ok) return layers;
  return ok({ type: "image", ...base, config: config.value, layers: layers.value });
}

function parseIndex(json: JsonObject, base: ManifestBase): Result<ImageIndex, string> {
  if (json["layers"] !== undefined) return err("an index has a field layers");
  if (json["config"] !== undefined) return err("an index has a field config");
  const children = parseDescriptors(json["manifests"], "manifests");
  if (!children.ok) return children;
  return ok({ type: "index", ...base, children: children.value });
}

/** null, which Go programs write for an empty list, counts as empty. */
function parseDescriptors(value: unknown, path: string): Result<Descriptor[], string> {
  if (value === null) return ok([]);
  if (!Array.isArray(value)) return err(`${path} is not a list`);
  if (value.length > manifestDescriptorsMax) {
    return err(`${path} has more than ${manifestDescriptorsMax} entries`);
  }
  const descriptors: Descriptor[] = [];
  for (const [index, item] of value.entries()) {
    const descriptor = parseDescriptor(item, `${path}[${index}]`);
    if (!descriptor.ok) return descriptor;
    descriptors.push(descriptor.value);
  }
  return ok(descriptors);
}

function parseJsonObject(bytes: Uint8Array): JsonObject | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

type Failed = { readonly ok: false; readonly error: ManifestFailure };

function failure(code: ManifestFailure["code"], message: string): Failed {
  return err({ code, message });
}

function invalid(message: string): Failed {
  return failure("manifest-invalid", message);
}

function unsupported(message: string): Failed {
  return failure("manifest-unsupported", message);
}
