// Every route of /v2/: what it takes, what it needs, who answers. The matcher, the metrics and the
// tests walk this table.

import type { Identity } from "../auth/auth.ts";
import type { DistributionContext } from "./context.ts";
import { deleteBlob, getBlob } from "./endpoints/blobs.ts";
import { getCatalog } from "./endpoints/catalog.ts";
import { putManifest } from "./endpoints/manifest-push.ts";
import { deleteManifest, getManifest, headManifest } from "./endpoints/manifests.ts";
import { getReferrers } from "./endpoints/referrers.ts";
import { getTags } from "./endpoints/tags.ts";
import {
  deleteUpload,
  getUpload,
  patchUpload,
  postUpload,
  putUpload,
} from "./endpoints/uploads.ts";
import { getVersion } from "./endpoints/version.ts";
import type { Reply } from "./reply.ts";
import type { Call, DistributionRequest } from "./request.ts";

/**
 * What the caller must be allowed on the repository; `push` includes `pull`, as docker asks for it.
 */
export type RepositoryNeed = "pull" | "push" | "delete";

interface RouteBase {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `{name}` may hold slashes; any other parameter is one component and stands last. */
  readonly path: string;
}

export interface RepositoryRoute extends RouteBase {
  readonly needs: RepositoryNeed;
  readonly handle: (context: DistributionContext, call: Call) => Reply | Promise<Reply>;
}

export interface RegistryRoute extends RouteBase {
  readonly needs: "version" | "catalog";
  readonly handle: (
    context: DistributionContext,
    request: DistributionRequest,
    identity: Identity,
  ) => Reply | Promise<Reply>;
}

export type Route = RepositoryRoute | RegistryRoute;

const blob = "/v2/{name}/blobs/{digest}";
const manifest = "/v2/{name}/manifests/{reference}";
const uploads = "/v2/{name}/blobs/uploads/";
const upload = "/v2/{name}/blobs/uploads/{id}";

export const routes: readonly Route[] = [
  { method: "GET", path: "/v2/", needs: "version", handle: getVersion },
  { method: "HEAD", path: "/v2/", needs: "version", handle: getVersion },
  { method: "GET", path: "/v2/_catalog", needs: "catalog", handle: getCatalog },
  { method: "GET", path: manifest, needs: "pull", handle: getManifest },
  { method: "HEAD", path: manifest, needs: "pull", handle: headManifest },
  { method: "PUT", path: manifest, needs: "push", handle: putManifest },
  { method: "DELETE", path: manifest, needs: "delete", handle: deleteManifest },
  { method: "GET", path: blob, needs: "pull", handle: getBlob },
  { method: "HEAD", path: blob, needs: "pull", handle: getBlob },
  { method: "DELETE", path: blob, needs: "delete", handle: deleteBlob },
  { method: "POST", path: uploads, needs: "push", handle: postUpload },
  { method: "GET", path: upload, needs: "push", handle: getUpload },
  { method: "PATCH", path: upload, needs: "push", handle: patchUpload },
  { method: "PUT", path: upload, needs: "push", handle: putUpload },
  { method: "DELETE", path: upload, needs: "push", handle: deleteUpload },
  { method: "GET", path: "/v2/{name}/tags/list", needs: "pull", handle: getTags },
  { method: "GET", path: "/v2/{name}/referrers/{digest}", needs: "pull", handle: getReferrers },
];
