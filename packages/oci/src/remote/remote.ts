// The client of any registry that speaks the OCI distribution specification, ours or another's.
// What a registry refuses is a value; one that is out of reach or broken throws IoError:
// `unreachable`, `stalled`, `interrupted`, `server-error`, `too-large`, `protocol`, `corrupt`.

import type { Env, Result } from "@sampan/env";
import type {
  ByteRange,
  Descriptor,
  Digest,
  Reference,
  RepositoryName,
  Tag,
} from "../model/index.ts";
import type { Credentials } from "./authorization.ts";
import { createAuthorization } from "./authorization.ts";
import { deleteBlob, getBlob, headBlob } from "./blobs.ts";
import { createExchange } from "./exchange.ts";
import type { RemoteFailure } from "./failure.ts";
import { createHttpClient } from "./http-client.ts";
import { listRepositories, listTags, ping } from "./lists.ts";
import { deleteManifest, getManifest, headManifest, putManifest } from "./manifests.ts";
import type { PushOptions, PushOutcome } from "./push.ts";
import { pushBlob } from "./push.ts";
import { listReferrers } from "./referrers.ts";
import { retriesDefault } from "./retries.ts";
import type { BlobSource, ChunkedOptions } from "./uploads.ts";
import { putBlob, putBlobChunked } from "./uploads.ts";

export interface RemoteOptions {
  /** Scheme, host and port: `https://registry.example`. */
  readonly registry: URL;
  /** A transfer in which nothing moves for so long is given up; the whole may take any time. */
  readonly stallMs: number;
  readonly connectionsMax: number;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string;
  /** Takes any certificate: whoever is on the way can read and change everything. */
  readonly insecure?: boolean;
  /**
   * Times that a request is sent again after 429 (as `Retry-After` says), 502, 503, 504 or a
   * connection that broke; 5 when not given. Writes that might be done twice are not.
   */
  readonly retriesMax?: number;
}

export interface RemoteDeps {
  /** null: anonymous. */
  readonly credentials: Credentials | null;
}

export interface Remote {
  /** Whether there is a registry at all, and whether it takes the credentials. */
  ping(signal?: AbortSignal): Promise<Result<null, RemoteFailure>>;
  /** All names in the catalog, page by page. Registries may deny it, or show a part. */
  listRepositories(options?: ListOptions): Promise<Result<RepositoryName[], RemoteFailure>>;
  repository(name: RepositoryName): RemoteRepository;
  /** Lets idle connections go. */
  close(): void;
}

export interface RemoteRepository {
  /** The bytes are checked against the digest that was asked for, or that the registry gives. */
  getManifest(
    reference: Reference,
    signal?: AbortSignal,
  ): Promise<Result<RemoteManifest, RemoteFailure>>;
  headManifest(
    reference: Reference,
    signal?: AbortSignal,
  ): Promise<Result<ManifestHead, RemoteFailure>>;
  putManifest(
    reference: Reference,
    manifest: ManifestContent,
    signal?: AbortSignal,
  ): Promise<Result<Digest, RemoteFailure>>;
  deleteManifest(reference: Reference, signal?: AbortSignal): Promise<Result<null, RemoteFailure>>;
  /** The size in bytes. */
  headBlob(digest: Digest, signal?: AbortSignal): Promise<Result<number, RemoteFailure>>;
  /**
   * A stream that breaks off goes on behind its last byte, by range. That of a whole blob ends with
   * IoError `corrupt` when it is not what the digest names; `refused` when the registry does not
   * let it go on.
   */
  getBlob(digest: Digest, options?: GetBlobOptions): Promise<Result<RemoteBlob, RemoteFailure>>;
  deleteBlob(digest: Digest, signal?: AbortSignal): Promise<Result<null, RemoteFailure>>;
  /** One request for all bytes. */
  putBlob(
    digest: Digest,
    source: BlobSource,
    signal?: AbortSignal,
  ): Promise<Result<null, RemoteFailure>>;
  /** Many requests; after a fault of the network it goes on from where the registry is. */
  putBlobChunked(
    digest: Digest,
    source: BlobSource,
    options: ChunkedOptions,
  ): Promise<Result<null, RemoteFailure>>;
  /**
   * By the cheapest way that the registry offers: mounted, in one request, or as a stream that goes
   * on where the registry is after a fault. The registry checks the digest; an upload that fails is
   * cancelled there.
   */
  pushBlob(
    digest: Digest,
    source: BlobSource,
    options?: PushOptions,
  ): Promise<Result<PushOutcome, RemoteFailure>>;
  /** Manifests whose subject is `subject`, by the referrers API or else by the fallback tag. */
  listReferrers(
    subject: Digest,
    options?: ReferrersOptions,
  ): Promise<Result<Referrers, RemoteFailure>>;
  /** All tags, page by page. */
  listTags(options?: ListOptions): Promise<Result<Tag[], RemoteFailure>>;
}

export interface ListOptions {
  /** Names the registry is asked to give at once; it may give fewer. */
  readonly pageSize?: number;
  readonly signal?: AbortSignal;
}

export interface ReferrersOptions {
  readonly artifactType?: string;
  readonly signal?: AbortSignal;
}

export interface Referrers {
  readonly descriptors: readonly Descriptor[];
  /** False: the registry keeps no such list, and clients have to keep the fallback tag. */
  readonly api: boolean;
}

export interface GetBlobOptions {
  readonly range?: ByteRange;
  /** Bytes of the whole as a manifest gives them: another length is `corrupt` before it is read. */
  readonly size?: number;
  readonly signal?: AbortSignal;
}

export interface ManifestContent {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface RemoteManifest extends ManifestContent {
  readonly digest: Digest;
}

export interface ManifestHead {
  readonly mediaType: string;
  /** null from a registry that does not say. */
  readonly digest: Digest | null;
  /** null from a registry that does not say. Bytes. */
  readonly size: number | null;
}

export interface RemoteBlob {
  /** Bytes that the stream will give. */
  readonly bytes: number;
  readonly stream: AsyncIterable<Uint8Array>;
}

export function createRemote(env: Env, deps: RemoteDeps, options: RemoteOptions): Remote {
  const { registry } = options;
  const http = createHttpClient(env, options);
  const authorization = createAuthorization(env, { http, credentials: deps.credentials, registry });
  const retriesMax = options.retriesMax ?? retriesDefault;
  const exchange = createExchange(env, { http, authorization, registry, retriesMax });
  return {
    ping: (signal) => ping({ exchange, registry }, signal),
    listRepositories: (list = {}) => listRepositories({ exchange, registry }, list),
    close: () => http.close(),
    repository: (name) => {
      const place = { exchange, registry, name };
      return {
        getManifest: (reference, signal) => getManifest(place, reference, signal),
        headManifest: (reference, signal) => headManifest(place, reference, signal),
        putManifest: (reference, manifest, signal) =>
          putManifest(place, reference, { ...manifest, signal }),
        deleteManifest: (reference, signal) => deleteManifest(place, reference, signal),
        headBlob: (digest, signal) => headBlob(place, digest, signal),
        getBlob: (digest, get = {}) => getBlob(env, place, { ...get, digest }),
        deleteBlob: (digest, signal) => deleteBlob(place, digest, signal),
        putBlob: (digest, source, signal) => putBlob(place, { digest, source, signal }),
        putBlobChunked: (digest, source, chunked) =>
          putBlobChunked(env, place, { digest, source, ...chunked }),
        pushBlob: (digest, source, push = {}) => pushBlob(env, place, { ...push, digest, source }),
        listReferrers: (subject, list = {}) => listReferrers(place, subject, list),
        listTags: (list = {}) => listTags(place, list),
      };
    },
  };
}
