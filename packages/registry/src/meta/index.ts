// The face of the metadata: every read and write of the registry's records, one function each.
// Reads take a Reader (a snapshot, or a transaction under way); writes take the Store and are one
// transaction. Nothing here touches blob bytes.

export * from "./blob-links.ts";
export * from "./installation.ts";
export * from "./locations.ts";
export * from "./manifest-push.ts";
export * from "./manifest-removal.ts";
export * from "./manifests.ts";
export * from "./outcome.ts";
export * from "./project-removal.ts";
export * from "./projects.ts";
export * from "./referrers.ts";
export * from "./repositories.ts";
export * from "./tags.ts";
export * from "./uploads.ts";
export * from "./users.ts";
