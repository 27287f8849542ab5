// The client of any registry.

export type { Credentials } from "./authorization.ts";
export type {
  BlobOutcome,
  CopyFailure,
  CopyObserver,
  CopyReport,
  CopySource,
  CopyTarget,
} from "./copy.ts";
export { copyArtifact } from "./copy.ts";
export type { RemoteFailure } from "./failure.ts";
export type { PlatformChoice } from "./platform.ts";
export { formatPlatform, parsePlatform } from "./platform.ts";
export type { PushOptions, PushOutcome } from "./push.ts";
export { referrersTag } from "./referrers.ts";
export type {
  GetBlobOptions,
  ListOptions,
  ManifestContent,
  ManifestHead,
  Referrers,
  ReferrersOptions,
  Remote,
  RemoteBlob,
  RemoteDeps,
  RemoteManifest,
  RemoteOptions,
  RemoteRepository,
} from "./remote.ts";
export { createRemote } from "./remote.ts";
export type { BlobSource, ChunkedOptions } from "./uploads.ts";
export { bytesSource } from "./uploads.ts";
