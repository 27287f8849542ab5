// GET /v2/<name>/referrers/<digest> (OCI distribution-spec, end-12): an index of what names the
// digest as its subject. Never 404: nothing refers to what is not there.

import { mediaTypes, parseDigest } from "@sampan/oci/model";
import { listReferrers, type Referrer } from "../../meta/index.ts";
import type { DistributionContext } from "../context.ts";
import { nextLink } from "../links.ts";
import { reading } from "../reading.ts";
import { failureReply, jsonReply, type Reply } from "../reply.ts";
import { type Call, queryOf } from "../request.ts";

/** A page is an index that clients hold in memory, 4 MiB by the specification's advice. */
const pageReferrersMax = 1_000;

export async function getReferrers(context: DistributionContext, call: Call): Promise<Reply> {
  const subject = parseDigest(call.argument);
  if (!subject.ok) return failureReply(subject.error, { detail: { digest: call.argument } });
  const query = queryOf(call.request);
  const artifactType = query.get("artifactType") || null;
  const last = query.get("last");
  const after = last === null ? null : parseDigest(last);
  if (after !== null && !after.ok) return failureReply("pagination-invalid");
  const { referrers, more } = await reading(context.store, (reader) =>
    listReferrers(
      reader,
      { repository: call.repository, subject: subject.value },
      { artifactType, after: after?.value ?? null, limit: pageReferrersMax },
    ),
  );
  const headers = artifactType === null ? [] : ["OCI-Filters-Applied", "artifactType"];
  const end = referrers.at(-1);
  if (more && end !== undefined) {
    const filter = artifactType === null ? {} : { artifactType };
    const path = `/v2/${call.repository}/referrers/${subject.value}`;
    headers.push(...nextLink(path, { ...filter, last: end.digest }));
  }
  return jsonReply(200, JSON.stringify(indexOf(referrers)), headers, mediaTypes.ociIndex);
}

function indexOf(referrers: readonly Referrer[]): unknown {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: referrers.map((referrer) => ({
      mediaType: referrer.mediaType,
      digest: referrer.digest,
      size: referrer.size,
      ...(referrer.artifactType === null ? {} : { artifactType: referrer.artifactType }),
      ...(Object.keys(referrer.annotations).length === 0
        ? {}
        : { annotations: referrer.annotations }),
    })),
  };
}
