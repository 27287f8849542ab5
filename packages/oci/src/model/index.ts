// What an image registry speaks about: names, digests, descriptors, manifests, ranges, pieces,
// errors. Pure; imports no package of ours.

export type { Annotations, Descriptor, Platform } from "./descriptor.ts";
export type { Digest, DigestAlgorithm, Digester, DigestFailure } from "./digest.ts";
export {
  computeDigest,
  createDigester,
  digestAlgorithm,
  digestHex,
  isDigestAlgorithm,
  parseDigest,
  verifyDigest,
} from "./digest.ts";
export type { DistributionError, ErrorEntry, WireError } from "./distribution-errors.ts";
export { distributionErrors, errorBody, parseErrorBody } from "./distribution-errors.ts";
export type { ImageReference, ImageReferenceFailure } from "./image-reference.ts";
export { formatImageReference, isRegistryHost, parseImageReference } from "./image-reference.ts";
export type { ImageIndex, ImageManifest, Manifest, ManifestFailure } from "./manifest.ts";
export {
  manifestBytesMax,
  manifestDescriptorsMax,
  parseManifest,
  referrerArtifactType,
  requiredBlobs,
  requiredManifests,
} from "./manifest.ts";
export type { ManifestMediaType } from "./media-types.ts";
export {
  bareMediaType,
  isForeignLayer,
  isManifestMediaType,
  isMediaType,
  manifestMediaTypes,
  mediaTypes,
} from "./media-types.ts";
export type { Reference, RepositoryName, Tag } from "./names.ts";
export {
  formatReference,
  nameComponents,
  parseReference,
  parseRepositoryName,
  parseTag,
  repositoryNameCharsMax,
  tagCharsMax,
} from "./names.ts";
export {
  pieceBytes,
  pieceBytesMax,
  pieceBytesMin,
  pieceCount,
  pieceIndexAt,
  pieceRange,
} from "./pieces.ts";
export type { ByteRange, RangeRequest } from "./range.ts";
export {
  formatChunkRange,
  formatContentRange,
  formatUnsatisfiedRange,
  formatUploadRange,
  parseChunkRange,
  parseContentRange,
  parseRange,
  parseUploadRange,
} from "./range.ts";
export type { Result } from "./result.ts";
