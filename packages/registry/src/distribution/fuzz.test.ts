// What comes with a request, random and mutated: parsers by themselves, then whole requests against
// the handlers, without a socket. Nothing throws, nothing is answered with 500, nothing stays behind.

import assert from "node:assert/strict";
import { computeDigest, distributionErrors } from "@sampan/oci/model";
import { type RandomSource, seededRandom } from "@sampan/oci/testing";
import { fuzz, mutateText, pick, randomText } from "@sampan/oci/testing/fuzz";
import { parseAuthorization } from "../auth/credentials.ts";
import { parseScopes, scopesMax } from "../core/scope.ts";
import { blobBytesMax, decideChunk } from "../core/upload.ts";
import { isKnownToClient, isRangeWanted } from "./endpoints/conditions.ts";
import { nextLink } from "./links.ts";
import { createMatcher } from "./matcher.ts";
import { pageEntriesMax, parsePage } from "./pages.ts";
import type { Reply } from "./reply.ts";
import type { DistributionRequest, RequestBody } from "./request.ts";
import { routes } from "./routes.ts";
import {
  manifestOf,
  ociIndex,
  ociManifest,
  type RegistryWorld,
  worldTest,
} from "./testing/registry-world.ts";

const rounds = 10_000;
const digest = computeDigest(Buffer.from("x"));

fuzz({ name: "a page has a bound, and its link leads to the next", rounds }, (random) => {
  const sound = pick(random, ["n=10&last=v1", "n=0", "last=", "n=99999999999999", "n=1&n=2"]);
  const page = parsePage(new URLSearchParams(mutateText(random, sound)), 100);
  if (!page.ok) return;
  const { limit, after } = page.value;
  assert.ok(Number.isInteger(limit) && limit >= 0 && limit <= pageEntriesMax);
  const [name, link = ""] = nextLink("/v2/a/tags/list", { n: String(limit), last: after ?? "" });
  assert.equal(name, "Link");
  const target = /^<([!-~]+)>; rel="next"$/.exec(link)?.[1] ?? "";
  const next = new URL(target, "http://x").searchParams;
  assert.equal(next.get("last"), Buffer.from(after ?? "").toString());
});

fuzz({ name: "scopes are few and name sound repositories", rounds }, (random) => {
  const sound = "repository:library/app:pull,push repository(plugin):a/b:* registry:catalog:*";
  const texts = Array.from({ length: random.int(4) }, () => mutateText(random, sound));
  const scopes = parseScopes([...texts, "x ".repeat(random.int(2_000))]);
  assert.ok(scopes.length <= scopesMax);
  for (const scope of scopes) {
    if (scope.type === "repository") assert.doesNotMatch(scope.repository, /\.\.|[\0 \\]/);
  }
});

fuzz({ name: "credentials are read or not", rounds }, (random) => {
  const basic = `Basic ${Buffer.from(mutateText(random, "admin:secret")).toString("base64")}`;
  const header = mutateText(random, pick(random, [basic, "Bearer a.b.c", "Digest x=y"]));
  const credentials = parseAuthorization(header);
  if (credentials?.type === "basic") assert.ok(!credentials.user.includes(":"));
});

fuzz({ name: "conditions on content hold for its digest alone", rounds }, (random) => {
  const text = mutateText(random, pick(random, [`"${digest}"`, `W/"${digest}", "x"`, "*", digest]));
  if (isKnownToClient(text, digest)) assert.ok(text.includes(digest) || text === "*");
  if (isRangeWanted(text, digest)) assert.equal(text, `"${digest}"`);
});

fuzz({ name: "a chunk goes behind what is stored, or nowhere", rounds }, (random) => {
  const stored = random.int(100);
  const sound = pick(random, [`${stored}-${stored + random.int(50)}`, "0-9", "bytes 5-9/10"]);
  const contentRange = pick(random, [null, sound, mutateText(random, sound)]);
  const contentLength = pick(random, [null, random.int(100), 2 ** 53]);
  const decision = decideChunk({ contentRange, contentLength, stored });
  if (decision.type === "refuse") {
    assert.ok(distributionErrors[decision.error].status < 500);
    return;
  }
  assert.ok(decision.bytesMax >= 0 && stored + decision.bytesMax <= blobBytesMax);
});

const match = createMatcher(routes);
const paths = [
  "/v2/",
  "/v2/_catalog",
  "/v2/library/app/tags/list",
  "/v2/library/app/manifests/v1",
  `/v2/library/app/manifests/${digest}`,
  `/v2/library/app/blobs/${digest}`,
  `/v2/library/app/referrers/${digest}`,
  "/v2/library/app/blobs/uploads/",
  "/v2/library/app/blobs/uploads/00000000-0000-4000-8000-000000000000",
] as const;

fuzz({ name: "a path has one route or none", rounds }, (random) => {
  const path = mutateText(random, pick(random, paths));
  const found = match(pick(random, ["GET", "PUT", "x"]), path);
  if (found.type === "route") assert.ok(found.route.path.startsWith("/v2/"));
});

/** A request that is nearly one of a client's. */
function randomRequest(
  random: RandomSource,
  known: readonly [string, ...string[]],
): DistributionRequest {
  const path = pick(random, known);
  const query = pick(random, [
    "",
    `digest=${digest}`,
    "digest-algorithm=sha512",
    `mount=${digest}&from=library/other`,
    `mount=${digest}`,
    "n=2&last=v1",
    "artifactType=application/x",
    "tag=a&tag=b&tag=c",
  ]);
  const values: Readonly<Record<string, string>> = {
    "content-type": pick(random, [ociManifest, ociIndex, "text/plain"]),
    "content-range": "0-0",
    range: "bytes=0-0",
    "if-range": `"${digest}"`,
    "if-none-match": `"${digest}"`,
    accept: `${ociManifest}, */*;q=0.1`,
    authorization: "Bearer x",
  };
  const headers = Object.fromEntries(
    Object.entries(values)
      .filter(() => random.int(3) === 0)
      .map(([name, value]) => [name, random.int(2) === 0 ? value : mutateText(random, value)]),
  );
  return {
    method: pick(random, ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"]),
    path: random.int(2) === 0 ? path : mutateText(random, path),
    query: random.int(2) === 0 ? query : mutateText(random, query),
    headers,
    origin: "http://registry.test",
    clientAddress: null,
    body: randomBody(random),
  };
}

const manifest = manifestOf(Buffer.from("x"), []).toString();

function randomBody(random: RandomSource): RequestBody {
  const text = pick(random, ["", "x", manifest, mutateText(random, manifest), randomText(random)]);
  const bytes = Buffer.from(text);
  const parts = [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)];
  return {
    // Unknown at times, as of a chunked body.
    bytes: random.int(3) === 0 ? null : bytes.length,
    drain: async (take) => {
      for (const part of parts) if (part.length > 0) await take(part);
    },
  };
}

function checkReply(reply: Reply, request: DistributionRequest): void {
  const said = `${request.method} ${request.path}?${request.query}: ${reply.status}`;
  assert.ok(reply.status >= 200 && reply.status < 500, said);
  for (const text of reply.headers) assert.match(text, /^[\x20-\xff]*$/, said);
  if (reply.status < 400 || reply.body?.type !== "bytes") return;
  const body = JSON.parse(Buffer.from(reply.body.bytes).toString()) as {
    errors: { code: string }[];
  };
  const codes = Object.values(distributionErrors).map(({ code }) => code as string);
  for (const { code } of body.errors) assert.ok(codes.includes(code), said);
}

/** Requests of one world; it begins with an image, and uploads that were begun are gone on with. */
const requestsPerWorld = 250;

async function storm(world: RegistryWorld, random: RandomSource): Promise<void> {
  const { distribution } = world.parts;
  const known: [string, ...string[]] = [...paths];
  for (let count = 0; count < requestsPerWorld; count += 1) {
    const request = randomRequest(random, known);
    const reply = await distribution.answer(
      distribution.match(request.method, request.path),
      request,
    );
    checkReply(reply, request);
    const at = reply.headers.indexOf("Location");
    const location = at === -1 ? "" : (reply.headers[at + 1] ?? "");
    if (location.includes("/uploads/")) known.push(new URL(location).pathname);
  }
  const failures = world.lines.filter((line) => line.includes('"level":"error"'));
  assert.deepEqual(failures, []);
  await world.check();
}

const worldSeeds = process.env["SAMPAN_FUZZ_SEED"]?.split(",").map(Number) ?? [1, 2, 3, 4, 5, 6];
for (const seed of worldSeeds) {
  worldTest(`no request breaks a registry (SAMPAN_FUZZ_SEED=${seed})`, {}, async (world) => {
    await world.pushImage("library/app", "v1", "a");
    await world.pushBlob("library/app", Buffer.from("x"));
    await storm(world, seededRandom(seed));
  });
}
