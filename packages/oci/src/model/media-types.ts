// The media types that decide how bytes are read (OCI image-spec, media-types.md; Docker image
// manifest version 2). Any other media type is content we carry without looking inside.

export const mediaTypes = {
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociEmpty: "application/vnd.oci.empty.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar",
  ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerManifestList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

export type ManifestMediaType =
  | typeof mediaTypes.ociManifest
  | typeof mediaTypes.ociIndex
  | typeof mediaTypes.dockerManifest
  | typeof mediaTypes.dockerManifestList;

const manifestShapes: Readonly<Record<ManifestMediaType, "image" | "index">> = {
  [mediaTypes.ociManifest]: "image",
  [mediaTypes.ociIndex]: "index",
  [mediaTypes.dockerManifest]: "image",
  [mediaTypes.dockerManifestList]: "index",
};

/** In the order in which a client that takes all of them should say so. */
export const manifestMediaTypes = Object.keys(manifestShapes) as ManifestMediaType[];

// Layers that may be fetched from elsewhere: a registry takes a manifest without holding them.
const foreignLayers: readonly string[] = [
  "application/vnd.oci.image.layer.nondistributable.v1.tar",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
  "application/vnd.docker.image.rootfs.foreign.diff.tar",
  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
];

const mediaTypeCharsMax = 255;
const mediaTypeGrammar =
  /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*(?: *;[\x20-\x7e]*)?$/;

export function isManifestMediaType(mediaType: string): mediaType is ManifestMediaType {
  return Object.hasOwn(manifestShapes, mediaType);
}

export function manifestShape(mediaType: ManifestMediaType): "image" | "index" {
  return manifestShapes[mediaType];
}

export function isForeignLayer(mediaType: string): boolean {
  return foreignLayers.includes(mediaType);
}

/**
 * Type and subtype as RFC 6838 section 4.2 writes them; parameters, which exist in the wild, pass.
 */
export function isMediaType(text: string): boolean {
  return text.length <= mediaTypeCharsMax && mediaTypeGrammar.test(text);
}

/** `Type/Subtype; charset=x` → `type/subtype`. */
export function bareMediaType(contentType: string): string {
  const semicolon = contentType.indexOf(";");
  const bare = semicolon === -1 ? contentType : contentType.slice(0, semicolon);
  return bare.trim().toLowerCase();
}
