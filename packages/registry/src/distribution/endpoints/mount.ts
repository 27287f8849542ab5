// A blob that another repository has already need not travel again (OCI distribution-spec, end-11).
// A mount that cannot be is no error: the client is given an upload instead.

import {
  type Digest,
  parseDigest,
  parseRepositoryName,
  type RepositoryName,
} from "@sampan/oci/model";
import type { Identity } from "../../auth/auth.ts";
import { listBlobRepositories, mountBlob } from "../../meta/index.ts";
import type { DistributionContext } from "../context.ts";
import { reading } from "../reading.ts";
import type { Call } from "../request.ts";
import { isBlobWhole } from "./whole.ts";

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
  // Bytes that are gone must not be handed on: the upload that follows brings them back.
  if (!(await isBlobWhole(context, { repository: from, digest: digest.value }))) return null;
  const mounted = await mountBlob(context.store, what);
  return mounted.ok ? digest.value : null;
}

/**
 * Only what the caller may pull: else a mount would give away what other projects hold. A token
 * counts for all that its user may, because a client asks for its scope before it knows the source.
 */
async function findSource(
  context: DistributionContext,
  call: Call,
  wanted: { readonly digest: Digest; readonly from: string | null },
): Promise<RepositoryName | null> {
  const candidates = await candidatesOf(context, wanted);
  if (context.auth === null) return candidates[0] ?? null;
  let person: Identity | null = null;
  for (const candidate of candidates) {
    if (await context.auth.may(call.identity, candidate, "pull")) return candidate;
    person ??= await context.auth.personOf(call.identity);
    if (await context.auth.may(person, candidate, "pull")) return candidate;
  }
  return null;
}

async function candidatesOf(
  context: DistributionContext,
  { digest, from }: { readonly digest: Digest; readonly from: string | null },
): Promise<readonly RepositoryName[]> {
  if (from !== null) {
    const name = parseRepositoryName(from);
    return name.ok ? [name.value] : [];
  }
  return await reading(context.store, (reader) =>
    listBlobRepositories(reader, digest, candidatesMax),
  );
}
