// Who needs a blob: repositories that link it, and repositories with manifests that name it.

import type { Reader } from "@sampan/kv/txn";
import type { Digest, RepositoryName } from "@sampan/oci/model";
import { type BlobOf, isNamed } from "./blob-links.ts";
import { decodeBlobLink } from "./blob-records.ts";
import { keyAfter, readKey, referenceKinds, referencesRange } from "./keys.ts";

export interface BlobUses {
  /** By a live link. */
  readonly linking: ReadonlySet<RepositoryName>;
  /** By a manifest. */
  readonly naming: ReadonlySet<RepositoryName>;
  /** Nobody else needs it; false: there are more than were read. */
  readonly isWhole: boolean;
}

/** Most blobs have fewer; of the others more is read when these do not say enough. */
const usesPage = 16;
const linksPage = 256;

export async function readBlobUses(
  reader: Reader,
  digests: Iterable<Digest>,
): Promise<Map<Digest, BlobUses>> {
  const uses = new Map<Digest, BlobUses>();
  for (const digest of digests) uses.set(digest, await readUses(reader, digest));
  return uses;
}

async function readUses(reader: Reader, digest: Digest): Promise<BlobUses> {
  // The kinds link and blob are neighbours.
  const { start } = referencesRange(digest, "link", null);
  const { end } = referencesRange(digest, "blob", null);
  const entries = await reader.scan({ start, end }, { limit: usesPage });
  const linking = new Set<RepositoryName>();
  const naming = new Set<RepositoryName>();
  for (const { key, value } of entries) {
    const segments = readKey(key);
    segments.digest();
    const kind = segments.u8();
    const repository = segments.text() as RepositoryName;
    if (kind === referenceKinds.blob) naming.add(repository);
    else if (isLive(value)) linking.add(repository);
  }
  return { linking, naming, isWhole: entries.length < usesPage };
}

/** Does a manifest of the repository name the blob? */
export async function isNamedBy(reader: Reader, uses: BlobUses, of: BlobOf): Promise<boolean> {
  if (uses.naming.has(of.repository)) return true;
  return uses.isWhole ? false : isNamed(reader, of);
}

/** By a manifest of whatever repository, or by a live link of one that is not among `without`. */
export async function isBlobNeeded(
  reader: Reader,
  uses: BlobUses,
  { digest, without }: { readonly digest: Digest; readonly without: ReadonlySet<RepositoryName> },
): Promise<boolean> {
  if (uses.naming.size > 0) return true;
  for (const repository of uses.linking) if (!without.has(repository)) return true;
  if (uses.isWhole) return false;
  const named = referencesRange(digest, "blob", null);
  if ((await reader.scan(named, { limit: 1, keysOnly: true })).length > 0) return true;
  let links = referencesRange(digest, "link", null);
  for (;;) {
    const page = await reader.scan(links, { limit: linksPage });
    if (page.some(({ key, value }) => isLive(value) && !without.has(linkedBy(key)))) return true;
    const last = page.at(-1);
    if (last === undefined || page.length < linksPage) return false;
    links = { ...links, start: keyAfter(last.key) };
  }
}

function isLive(link: Uint8Array): boolean {
  return decodeBlobLink(link).state.type === "live";
}

function linkedBy(referenceKey: Uint8Array): RepositoryName {
  const segments = readKey(referenceKey);
  segments.digest();
  segments.u8();
  return segments.text() as RepositoryName;
}
