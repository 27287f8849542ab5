// A blob that another repository has already need not travel again (OCI distribution-spec, end-11).
// A mount that cannot be is no error: the client is given an upload instead.

import {
  type Digest,
  parseDigest,
  parseRepositoryName,
  type RepositoryName,
} from "@sampan/oci/model";
import { listBlobRepositories, mountBlob } from "../../meta/index.ts";
import type { DistributionContext } from "../context.ts";
import { reading } from "../reading.ts";
import type { Call } from "../request.ts";

/** Repositories that are looked at for a mount without `from`: each costs a decision on access. */
const candidatesMax = 16;

/** The digest that the repository now has, or null. */
export async function mount(
  context: DistributionContext,
  call: Call,
  query: URLSearchParams,
): Promise<Digest | null> {
  const digest = parseDigest(query.get("mount") ?? "");
  if (!digest.ok) return null;
  const from = await findSource(context, call, { digest: digest.value, from: query.get("from") });
  if (from === null) return null;
  const what = {
    from,
    repository: call.repository,
    digest: digest.value,
    nowMs: context.env.clock.now(),
  };
  const mounted = await mountBlob(context.store, what);
  return mounted.ok ? digest.value : null;
}

/** Only what the caller may pull: else a mount would give away what other projects hold. */
async function findSource(
  context: DistributionContext,
  call: Call,
  wanted: { readonly digest: Digest; readonly from: string | null },
): Promise<RepositoryName | null> {
  if (wanted.from !== null) {
    const name = parseRepositoryName(wanted.from);
    if (!name.ok) return null;
    return (await mayPull(context, call, name.value)) ? name.value : null;
  }
  const candidates = await reading(context.store, (reader) =>
    listBlobRepositories(reader, wanted.digest, candidatesMax),
  );
  for (const candidate of candidates) {
    if (await mayPull(context, call, candidate)) return candidate;
  }
  return null;
}

async function mayPull(
  context: DistributionContext,
  call: Call,
  repository: RepositoryName,
): Promise<boolean> {
  return context.auth === null || (await context.auth.may(call.identity, repository, "pull"));
}
