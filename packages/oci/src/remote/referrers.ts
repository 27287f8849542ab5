// What refers to a manifest: signatures, SBOMs, attestations (OCI distribution-spec, end-12a and
// end-12b, and "Unavailable Referrers API" for registries without it).

import type { Result } from "@sampan/env";
import { err, IoError, ok } from "@sampan/env";
import type { Descriptor, Digest, Tag } from "../model/index.ts";
import {
  digestAlgorithm,
  digestHex,
  manifestBytesMax,
  mediaTypes,
  parseManifest,
} from "../model/index.ts";
import { parseNextLink } from "./challenge.ts";
import type { RemoteFailure } from "./failure.ts";
import { nextUrl } from "./lists.ts";
import { getManifest } from "./manifests.ts";
import type { RepositoryPlace } from "./place.ts";
import { repositoryScope, repositoryUrl } from "./place.ts";
import type { Referrers, ReferrersOptions } from "./remote.ts";

/** A registry that always names one page more is given up. */
const pagesMax = 1_000;
const referrersMax = 10_000;

export async function listReferrers(
  place: RepositoryPlace,
  subject: Digest,
  options: ReferrersOptions,
): Promise<Result<Referrers, RemoteFailure>> {
  const listed = await readPages(place, subject, options);
  // Registries without the API answer 404; some know no such path and say so in another way.
  const absent = !listed.ok && [400, 404, 405].includes(listed.error.status);
  const found = absent ? await readTag(place, subject, options) : listed;
  if (!found.ok || options.artifactType === undefined) return found;
  // A filter is a wish: the header that says it was granted need not be trusted for that.
  const wanted = found.value.descriptors.filter((item) => {
    return item.artifactType === options.artifactType;
  });
  return ok({ ...found.value, descriptors: wanted });
}

/** `sha256-<hex>`: the tag of the index that stands in for the list. */
export function referrersTag(subject: Digest): Tag {
  const algorithm = digestAlgorithm(subject).slice(0, 32);
  return `${algorithm}-${digestHex(subject).slice(0, 64)}` as Tag;
}

async function readPages(
  place: RepositoryPlace,
  subject: Digest,
  { artifactType, signal }: ReferrersOptions,
): Promise<Result<Referrers, RemoteFailure>> {
  const descriptors: Descriptor[] = [];
  let url = repositoryUrl(place, `referrers/${subject}`);
  if (artifactType !== undefined) url.searchParams.set("artifactType", artifactType);
  const scope = repositoryScope(place, "pull");
  const headers = { accept: mediaTypes.ociIndex };
  for (let page = 0; page < pagesMax; page++) {
    const request = { method: "GET", url, scope, headers, signal, expect: [200] } as const;
    const answer = await place.exchange(request);
    if (!answer.ok) return answer;
    const bytes = await answer.value.bytes(manifestBytesMax);
    descriptors.push(...readIndex(place, bytes));
    if (descriptors.length > referrersMax) {
      throw new IoError("too-large", `more than ${referrersMax} manifests refer to ${subject}`);
    }
    const next = parseNextLink(answer.value.header("link"));
    if (next === null) return ok({ descriptors, api: true });
    url = nextUrl(next, url);
  }
  throw new IoError("protocol", `${place.registry.host}: a list of more than ${pagesMax} pages`);
}

async function readTag(
  place: RepositoryPlace,
  subject: Digest,
  { signal }: ReferrersOptions,
): Promise<Result<Referrers, RemoteFailure>> {
  const reference = { type: "tag", tag: referrersTag(subject) } as const;
  const index = await getManifest(place, reference, signal);
  if (index.ok) return ok({ descriptors: readIndex(place, index.value.bytes), api: false });
  return index.error.code === "not-found" ? ok({ descriptors: [], api: false }) : err(index.error);
}

function readIndex(place: RepositoryPlace, bytes: Uint8Array): readonly Descriptor[] {
  const index = parseManifest(bytes, mediaTypes.ociIndex);
  if (index.ok && index.value.type === "index") return index.value.children;
  const why = index.ok ? "is an image" : index.error.message;
  throw new IoError("protocol", `the list of referrers of ${place.registry.host}: ${why}`);
}
