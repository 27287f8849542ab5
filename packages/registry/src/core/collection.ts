// What the collector of unreferenced content decides. Push and collection are a write skew under
// snapshot isolation: a push only reads that a blob is there, the collector only reads that nothing
// names it. So what seems unreferenced is condemned first, and deleted by a second look when every
// push that may have seen it live has ended; a push that meets it condemned rewrites it, which
// conflicts with the second look.

/** What the collector may delete: a repository's link to a blob, the blob, a manifest's content. */
export type CollectableKind = "link" | "blob" | "content";

export interface Collectable {
  readonly state: "live" | "condemned";
  /**
   * Something needs it: of a link a manifest of its repository that names the blob, of a blob a
   * manifest of any repository or a live link, of content a repository that has the manifest.
   */
  readonly isNeeded: boolean;
}

/**
 * The first look. `isYoung`: a link that was made again since the look was noted; a push is about to
 * name its blob, and a later note is there.
 */
export function shouldCondemn(found: Collectable & { readonly isYoung: boolean }): boolean {
  return found.state === "live" && !found.isNeeded && !found.isYoung;
}

/** The second look. `isSame`: condemned by the look that this one follows, and not again since. */
export function secondLook(
  found: Collectable & { readonly isSame: boolean },
): "delete" | "revive" | "leave" {
  if (found.state === "live" || !found.isSame) return "leave";
  return found.isNeeded ? "revive" : "delete";
}

/** Milliseconds; the wall clock says when what was noted at `atMs` has waited long enough. */
export function isRipe(atMs: number, nowMs: number, graceMs: number): boolean {
  return nowMs - atMs >= graceMs;
}
