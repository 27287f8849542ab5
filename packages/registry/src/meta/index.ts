// The face of the metadata: every read and write of the registry's records, one function each.
// Reads take a Reader (a snapshot, or a transaction under way); writes take the Store and are one
// transaction unless they say otherwise. Nothing here touches blob bytes.

export type {
  BlobCommit,
  BlobCommitFailure,
  BlobDeletionFailure,
  BlobMount,
  BlobMountFailure,
  BlobOf,
  CommittedBlob,
  FoundBlob,
} from "./blob-links.ts";
export {
  commitBlob,
  deleteBlob,
  findBlob,
  listBlobRepositories,
  mountBlob,
} from "./blob-links.ts";
export { condemnUnneeded } from "./collection-first-look.ts";
export { itemsTogetherMax } from "./collection-items.ts";
export type { WorkItem, WorkRow } from "./collection-records.ts";
export { listWork, listWorkKeys, readWork } from "./collection-records.ts";
export type { Deleted } from "./collection-second-look.ts";
export { deleteCondemned } from "./collection-second-look.ts";
export type { StageStatus } from "./collection-status.ts";
export { countWork } from "./collection-status.ts";
export type { FormatFailure } from "./installation.ts";
export { adminId, adminName, formatVersion, install, isInstalled } from "./installation.ts";
export type { LocationOwner } from "./locations.ts";
export { findLocations } from "./locations.ts";
export type { ManifestPush, ManifestPushFailure, PushedManifest } from "./manifest-push.ts";
export { pushTagsMax, putManifest } from "./manifest-push.ts";
export type { ManifestDeletion, TagDeletion } from "./manifest-removal.ts";
export { deleteManifest, deleteTag } from "./manifest-removal.ts";
export type {
  FoundManifest,
  ListedManifest,
  ManifestContent,
  ManifestPage,
  ManifestStat,
} from "./manifests.ts";
export {
  findListedManifest,
  findManifest,
  listManifests,
  manifestInlineBytesMax,
  statManifest,
} from "./manifests.ts";
export type { Unsettled } from "./outcome.ts";
export type {
  ProjectDeletion,
  ProjectDeletionFailure,
  RepositoryDeletion,
} from "./project-removal.ts";
export { deleteProject, deleteRepository, projectGraceMs } from "./project-removal.ts";
export type { Project, ProjectCreation, ProjectPage } from "./projects.ts";
export {
  createProject,
  findProject,
  findProjectById,
  listProjects,
  setProjectPublic,
} from "./projects.ts";
export type { Referrer, ReferrerPage } from "./referrers.ts";
export { listReferrers, referrerBytesMax } from "./referrers.ts";
export type { Repository, RepositoryPage } from "./repositories.ts";
export { findRepository, listRepositories, listRepositoryNames } from "./repositories.ts";
export type { StoredRecord } from "./stored.ts";
export { listStored } from "./stored.ts";
export type { TagPage } from "./tags.ts";
export { listTags, listTagsOf } from "./tags.ts";
export type { Upload, UploadPage } from "./uploads.ts";
export { createUpload, deleteUpload, findUpload, listUploadsOlder } from "./uploads.ts";
export type { PasswordSetting, User } from "./users.ts";
export { findUser, setPasswordHash, userNameCharsMax } from "./users.ts";
