// Copies between two registries in this process, one or both of which misbehave.

import assert from "node:assert/strict";
import test from "node:test";
import type { Digest, Tag } from "../model/index.ts";
import { computeDigest, mediaTypes } from "../model/index.ts";
import {
  buildArtifact,
  buildIndex,
  content,
  randomImage,
  seededRandom,
  type TestImage,
} from "../testing/index.ts";
import type { CopyObserver, CopySource, CopyTarget } from "./copy.ts";
import { copyArtifact } from "./copy.ts";
import { parsePlatform } from "./platform.ts";
import type { RemoteRepository } from "./remote.ts";
import { name, tag, withRemote } from "./testing/client.ts";
import type { TinyRegistryOptions } from "./testing/registry.ts";
import { tinyRegistry } from "./testing/registry.ts";
import type { Answer, Handler, Received } from "./testing/server.ts";
import { bytesSource } from "./uploads.ts";

const random = seededRandom(3);
const options = { layers: 2, layerBytes: 200_000 };
const amd64 = randomImage(random, options);
const arm64 = randomImage(random, { ...options, platform: { architecture: "arm64", os: "linux" } });
const index = buildIndex([amd64, arm64]);
const signature = buildArtifact(
  "application/x.signature",
  content("application/x", Buffer.from("signature")),
  index.manifest,
);
const seal = buildArtifact(
  "application/x.seal",
  content("application/x", Buffer.from("seal of the signature")),
  signature.manifest,
);

async function push(repository: RemoteRepository, image: TestImage): Promise<void> {
  for (const blob of [...image.layers, image.config]) {
    assert.ok((await repository.pushBlob(blob.digest, bytesSource(blob.bytes))).ok);
  }
  await put(repository, image.manifest);
}

interface Manifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

async function put(repository: RemoteRepository, manifest: Manifest, as?: string): Promise<void> {
  const { digest } = manifest;
  const reference = as === undefined ? ({ type: "digest", digest } as const) : tag(as);
  assert.ok((await repository.putManifest(reference, manifest)).ok);
}

interface World {
  readonly source: RemoteRepository;
  readonly target: RemoteRepository;
  readonly asked: readonly Received[];
  copy(
    source?: Partial<CopySource>,
    target?: Partial<CopyTarget>,
    observer?: CopyObserver,
  ): ReturnType<typeof copyArtifact>;
}

const deaf: CopyObserver = { planned: () => {}, moved: () => {}, finished: () => {} };

interface Misbehaviour {
  readonly source?: (registry: Handler) => Handler;
  readonly target?: TinyRegistryOptions;
}

async function withWorld(
  misbehaviour: Misbehaviour,
  run: (world: World) => Promise<void>,
): Promise<void> {
  const registry = tinyRegistry();
  let misbehaves = false;
  const wrong = misbehaviour.source?.(registry) ?? registry;
  await withRemote(
    (request) => (misbehaves ? wrong(request) : registry(request)),
    async ({ repository: source }) => {
      for (const image of [amd64, arm64, signature, seal]) await push(source, image);
      await put(source, index.manifest, "1.0");
      await put(source, amd64.manifest, "amd64");
      misbehaves = true;
      await withRemote(tinyRegistry(misbehaviour.target), async ({ repository, server }) => {
        const from = { repository: source, reference: tag("1.0"), signal: undefined };
        const to = { repository, reference: tag("2.0"), mountFrom: null, blobsAtOnce: 3 };
        await run({
          source,
          target: repository,
          asked: server.received,
          copy: (given = {}, wanted = {}, observer = deaf) =>
            copyArtifact(
              { ...from, platform: null, referrers: false, ...given },
              { ...to, ...wanted },
              observer,
            ),
        });
      });
    },
  );
}

const isBlob = ({ method, target }: Received) => method === "GET" && target.includes("/blobs/");

test("an index goes over with its images, the name last, and is there then", async () => {
  await withWorld({}, async ({ copy, target, asked }) => {
    const copied = await copy();
    assert.ok(copied.ok);
    const { digest, mediaType } = index.manifest;
    const blobs = { copied: 6, mounted: 0, present: 0 };
    const all = [amd64, arm64].flatMap((image) => [...image.layers, image.config]);
    const bytes = all.reduce((sum, blob) => sum + blob.bytes.length, 0);
    assert.deepEqual(copied.value, { digest, mediaType, manifests: 3, blobs, bytes });
    const last = asked.at(-1);
    assert.equal(`${last?.method} ${last?.target}`, `PUT /v2/${name}/manifests/2.0`);
    const manifest = await target.getManifest(tag("2.0"));
    assert.ok(manifest.ok && manifest.value.digest === digest);
    const again = await copy();
    assert.ok(again.ok);
    assert.deepEqual(again.value.blobs, { copied: 0, mounted: 0, present: 6 });
    assert.equal(again.value.bytes, 0);
  });
});

test("one platform of an index is copied alone, one that is missing is told with what is there", async () => {
  const choice = (text: string) => {
    const platform = parsePlatform(text);
    return platform.ok ? platform.value : assert.fail(text);
  };
  await withWorld({}, async ({ copy }) => {
    const one = await copy({ platform: choice("linux/arm64") });
    assert.ok(one.ok && one.value.digest === arm64.manifest.digest);
    assert.equal(one.value.manifests, 1);
    const image = await copy({ reference: tag("amd64"), platform: choice("linux/amd64") });
    assert.ok(image.ok && image.value.digest === amd64.manifest.digest);
    const there = "it is for linux/amd64, linux/arm64";
    assert.deepEqual(await copy({ platform: choice("linux/s390x") }), {
      ok: false,
      error: {
        code: "platform-missing",
        message: `the source is not for linux/s390x: ${there}`,
      },
    });
    const other = await copy({ reference: tag("amd64"), platform: choice("linux/arm/v7") });
    assert.ok(!other.ok && /it is for linux\/amd64$/.test(other.error.message));
  });
});

test("what refers to an image goes over too, and what refers to that", async () => {
  await withWorld({}, async ({ copy, target }) => {
    const copied = await copy({ referrers: true });
    assert.ok(copied.ok && copied.value.manifests === 5);
    for (const [subject, artifact] of [
      [index.manifest, signature],
      [signature.manifest, seal],
    ] as const) {
      const listed = await target.listReferrers(subject.digest);
      assert.ok(listed.ok);
      assert.deepEqual(
        listed.value.descriptors.map((item) => item.digest),
        [artifact.manifest.digest],
      );
    }
  });
});

test("a target without the referrers API gets the fallback tags, beside what is there", async () => {
  await withWorld({ target: { withoutReferrers: true } }, async ({ copy, target }) => {
    const older = content(mediaTypes.ociManifest, Buffer.from("{}"));
    const fallback = index.manifest.digest.replace(":", "-");
    const body = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [{ mediaType: older.mediaType, digest: older.digest, size: 2 }],
    };
    const bytes = Buffer.from(JSON.stringify(body));
    await put(
      target,
      { digest: computeDigest(bytes), mediaType: mediaTypes.ociIndex, bytes },
      fallback,
    );
    assert.ok((await copy({ referrers: true })).ok);
    const listed = await target.listReferrers(index.manifest.digest);
    assert.ok(listed.ok && !listed.value.api);
    assert.deepEqual(
      listed.value.descriptors.map(({ digest, artifactType }) => [digest, artifactType]),
      [
        [older.digest, null],
        [signature.manifest.digest, "application/x.signature"],
      ],
    );
  });
});

test("signatures that are found by their tag alone keep it", async () => {
  await withWorld({}, async ({ copy, source, target }) => {
    const tagged = `${index.manifest.digest.replace(":", "-")}.sig`;
    await put(source, amd64.manifest, tagged);
    assert.ok((await copy({ referrers: true })).ok);
    const found = await target.getManifest(tag(tagged));
    assert.ok(found.ok && found.value.digest === amd64.manifest.digest);
  });
});

test("within one registry blobs are mounted and no byte moves", async () => {
  const everything = [amd64, arm64].flatMap((image) => [...image.layers, image.config]);
  const mountable = new Map([["library/from", everything]]);
  await withWorld({ target: { mountable } }, async ({ copy, asked }) => {
    const copied = await copy({}, { mountFrom: "library/from" as typeof name });
    assert.ok(copied.ok);
    assert.deepEqual(copied.value.blobs, { copied: 0, mounted: 6, present: 0 });
    assert.equal(asked.filter(({ method }) => method === "PATCH").length, 0);
  });
});

test("no more blobs move at once than asked for, and each is told to its end", async () => {
  await withWorld({}, async ({ copy }) => {
    const moving = new Set<string>();
    const seen: string[] = [];
    let most = 0;
    const copied = await copy(
      {},
      { blobsAtOnce: 2 },
      {
        planned: (blobs, manifests) => void seen.push(`${blobs.length} ${manifests}`),
        moved: (blob) => {
          moving.add(blob.digest);
          most = Math.max(most, moving.size);
        },
        finished: (blob, outcome) => {
          moving.delete(blob.digest);
          seen.push(outcome);
        },
      },
    );
    assert.ok(copied.ok);
    assert.deepEqual(seen, ["6 3", ...Array.from({ length: 6 }, () => "copied")]);
    assert.ok(most === 2);
  });
});

/** Each blob breaks off in the middle of its first answer. */
function breaking(registry: Handler): Handler {
  const met = new Set<string>();
  return (request) => {
    const answer = registry(request);
    if (!isBlob(request) || met.has(request.target) || answer === null || answer === "cut") {
      return answer;
    }
    met.add(request.target);
    const body = Buffer.from(answer.body ?? "");
    const headers = { ...answer.headers, "content-length": `${body.length}` };
    return { ...answer, headers, body: body.subarray(0, body.length >> 1), breaks: true };
  };
}

test("a copy goes on when each download breaks off and each upload is disturbed", async () => {
  let count = 0;
  const fault = ({ method }: Received): Answer | "cut" | null => {
    if (method !== "PUT" && method !== "POST") return null;
    count += 1;
    if (count % 5 === 0) return "cut";
    return count % 3 === 0 ? { status: 503 } : null;
  };
  await withWorld({ source: breaking, target: { fault } }, async ({ copy, target }) => {
    const copied = await copy();
    assert.ok(copied.ok && copied.value.blobs.copied === 6);
    for (const layer of [...amd64.layers, ...arm64.layers]) {
      assert.deepEqual(await target.headBlob(layer.digest), {
        ok: true,
        value: layer.bytes.length,
      });
    }
  });
});

test("wrong bytes at the source end the copy before anything has the name", async () => {
  const flipped =
    (registry: Handler): Handler =>
    (request) => {
      const answer = registry(request);
      if (!isBlob(request) || answer === null || answer === "cut") return answer;
      const body = Buffer.from(answer.body ?? "");
      body[0] = (body[0] ?? 0) ^ 1;
      return { ...answer, body };
    };
  await withWorld({ source: flipped }, async ({ copy, target }) => {
    await assert.rejects(copy(), { name: "IoError", code: "corrupt" });
    const head = await target.headManifest(tag("2.0"));
    assert.ok(!head.ok && head.error.code === "not-found");
  });
});

test("a child that is missing at the source, or is no manifest, is told", async () => {
  await withWorld({}, async ({ copy, source }) => {
    const stray = randomImage(seededRandom(9), options);
    await put(source, buildIndex([stray]).manifest, "sparse");
    const sparse = await copy({ reference: tag("sparse") });
    assert.ok(!sparse.ok && sparse.error.code === "not-found");
    assert.match(sparse.error.message, /^GET http.*sha256:.* answered 404 \(MANIFEST_UNKNOWN/);
    const bytes = Buffer.from(`{"schemaVersion":1}`);
    const mediaType = "application/vnd.docker.distribution.manifest.v1+json";
    await put(source, { digest: computeDigest(bytes), mediaType, bytes }, "old");
    const old = await copy({ reference: tag("old") });
    assert.ok(!old.ok && old.error.code === "manifest-invalid");
  });
});

test("a digest for the target has to be that of the source", async () => {
  await withWorld({}, async ({ copy }) => {
    const { digest } = index.manifest;
    assert.ok((await copy({}, { reference: { type: "digest", digest } })).ok);
    const other = { type: "digest", digest: amd64.manifest.digest } as const;
    const copied = await copy({}, { reference: other });
    assert.ok(!copied.ok && copied.error.code === "digest-differs");
  });
});

test("a signal ends a copy, and its open upload is cancelled", async () => {
  const stop = new AbortController();
  await withWorld({}, async ({ copy, asked }) => {
    const observer = { ...deaf, moved: () => stop.abort() };
    const stopped = copy({ signal: stop.signal }, { blobsAtOnce: 1 }, observer);
    await assert.rejects(stopped, { name: "AbortError" });
    assert.equal(asked.at(-1)?.method, "DELETE");
    const tags = asked.filter(({ target }) => target.endsWith(`/manifests/${"2.0" as Tag}`));
    assert.equal(tags.length, 0);
  });
});
