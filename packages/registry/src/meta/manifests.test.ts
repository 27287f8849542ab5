// Manifests, tags and referrers as a client sees them: pushed, found, moved, deleted.

import assert from "node:assert/strict";
import test from "node:test";
import type { Reference } from "@sampan/oci/model";
import { decodeBlob, encodeBlob } from "./blob-records.ts";
import { decodeContent, encodeContent } from "./content.ts";
import { blobKey, contentKey } from "./keys.ts";
import { putManifest } from "./manifest-push.ts";
import { deleteManifest, deleteTag } from "./manifest-removal.ts";
import { findManifest, statManifest } from "./manifests.ts";
import { listReferrers } from "./referrers.ts";
import { findRepository, listRepositories } from "./repositories.ts";
import { listTags } from "./tags.ts";
import { brokenInvariants } from "./testing/invariants.ts";
import type { MetaWorld } from "./testing/meta-world.ts";
import {
  digestOf,
  failure,
  location,
  nowMs,
  pushImage,
  pushManifest,
  repository,
  tag,
  testImage,
  testIndex,
  uploadBlobs,
  value,
  withMeta,
} from "./testing/meta-world.ts";

const repo = repository("library/app");
const byTag = (name: string): Reference => ({ type: "tag", tag: tag(name) });

function check(sentence: string, body: (meta: MetaWorld) => Promise<void>): void {
  test(sentence, () =>
    withMeta({}, async (meta) => {
      await body(meta);
      assert.deepEqual(await meta.read(brokenInvariants), []);
    }),
  );
}

const tagsOf = (meta: MetaWorld, name = repo) =>
  meta.read(async (reader) => {
    const page = await listTags(reader, name, { after: null, limit: 100 });
    return page === null ? undefined : JSON.parse(page.json);
  });

check("a pushed manifest is found by tag and by digest, with its bytes", async (meta) => {
  const image = testImage("one");
  await pushImage(meta.store, repo, image, ["v1"]);
  for (const reference of [byTag("v1"), { type: "digest", digest: image.digest } as const]) {
    const found = await meta.read((reader) => findManifest(reader, repo, reference));
    assert.equal(found?.digest, image.digest);
    assert.equal(found?.mediaType, image.manifest.mediaType);
    assert.equal(found?.bytes, image.bytes.length);
    const { content } = found;
    assert.ok(content.type === "inline" && Buffer.from(content.bytes).equals(image.bytes));
    const stat = await meta.read((reader) => statManifest(reader, repo, reference));
    assert.deepEqual([stat?.digest, stat?.bytes], [image.digest, image.bytes.length]);
  }
});

check("what was not pushed is not found", async (meta) => {
  await pushImage(meta.store, repo, testImage("one"), ["v1"]);
  const other = repository("library/other");
  const digest = testImage("one").digest;
  for (const [name, reference] of [
    [repo, byTag("v2")],
    [other, byTag("v1")],
    [other, { type: "digest", digest }],
    [repo, { type: "digest", digest: digestOf("x") }],
  ] as const) {
    assert.equal(await meta.read((reader) => findManifest(reader, name, reference)), null);
    assert.equal(await meta.read((reader) => statManifest(reader, name, reference)), null);
  }
  assert.equal(await meta.read((reader) => findRepository(reader, other)), null);
  assert.equal(await tagsOf(meta, other), undefined);
});

check(
  "a manifest whose blobs are not in the repository is refused and leaves nothing",
  async (meta) => {
    const image = testImage("one", { layers: ["a", "b"] });
    await uploadBlobs(meta.store, repo, image.blobs.slice(0, 1));
    await uploadBlobs(meta.store, repository("library/other"), image.blobs);
    const pushed = await pushManifest(meta.store, repo, image, ["v1"]);
    assert.deepEqual(pushed, {
      ok: false,
      error: { code: "manifest-blob-unknown", digests: image.blobs.slice(1) },
    });
    assert.equal(await meta.read((reader) => findRepository(reader, repo)), null);
  },
);

check("an index needs its children in the repository", async (meta) => {
  const [one, two] = [testImage("one"), testImage("two")];
  await pushImage(meta.store, repo, one);
  assert.equal(
    failure(await pushManifest(meta.store, repo, testIndex([one, two]))),
    "manifest-blob-unknown",
  );
  await pushImage(meta.store, repo, two);
  value(await pushManifest(meta.store, repo, testIndex([one, two]), ["all"]));
});

check("foreign layers need not be there", async (meta) => {
  const image = testImage("one");
  const foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar";
  assert.ok(image.manifest.type === "image");
  const layers = image.manifest.layers.map((layer) => ({ ...layer, mediaType: foreign }));
  await uploadBlobs(meta.store, repo, image.blobs.slice(0, 1));
  value(
    await pushManifest(meta.store, repo, { ...image, manifest: { ...image.manifest, layers } }),
  );
});

check("a name without a project, or of one that does not exist, is refused", async (meta) => {
  for (const name of ["app", "nowhere/app"]) {
    const pushed = await pushManifest(meta.store, repository(name), testImage("one"));
    assert.equal(failure(pushed), "project-unknown");
  }
});

check("pushing again what is there changes nothing", async (meta) => {
  const image = testImage("one");
  await pushImage(meta.store, repo, image, ["v1"]);
  const before = await meta.read((reader) => reader.scan(everything, { limit: 1_000 }));
  value(await pushManifest(meta.store, repo, image, ["v1", "v1"]));
  const after = await meta.read((reader) => reader.scan(everything, { limit: 1_000 }));
  assert.deepEqual(after, before);
});

const everything = { start: Buffer.from("S"), end: Buffer.from("T") };

check("a tag moves to what was pushed last", async (meta) => {
  const [one, two] = [testImage("one"), testImage("two")];
  await pushImage(meta.store, repo, one, ["latest", "v1"]);
  await pushImage(meta.store, repo, two, ["latest"]);
  const found = await meta.read((reader) => findManifest(reader, repo, byTag("latest")));
  assert.equal(found?.digest, two.digest);
  assert.deepEqual(await tagsOf(meta), ["latest", "v1"]);
});

check("tags come in lexical order, in pages, behind any text", async (meta) => {
  const names = ["v10", "v1", "V1", "_x", "v1.0", "latest", "v1-rc"];
  await pushImage(meta.store, repo, testImage("one"), names);
  const sorted = [...names].sort();
  for (const limit of [1, 2, 3, 7, 100]) {
    const pages: string[] = [];
    for (let after: string | null = null; ; ) {
      const page = await meta.read((reader) => listTags(reader, repo, { after, limit }));
      const tags = JSON.parse(page?.json ?? "[]") as string[];
      assert.equal(page?.last, tags.at(-1));
      pages.push(...tags);
      if (!page?.more) break;
      after = page.last;
    }
    assert.deepEqual(pages, sorted);
  }
  const zero = await meta.read((reader) => listTags(reader, repo, { after: null, limit: 0 }));
  assert.deepEqual(zero, { json: "[]", last: null, more: false });
  const behind = await meta.read((reader) => listTags(reader, repo, { after: "v1", limit: 2 }));
  assert.deepEqual(behind, { json: '["v1-rc","v1.0"]', last: "v1.0", more: true });
});

check("repositories are listed in lexical order, of one project or of all", async (meta) => {
  const names = ["library/b", "library/a/deep", "library/a", "library/ab"];
  for (const name of names) await pushImage(meta.store, repository(name), testImage("one"));
  const list = (page: { after: string | null; limit: number }) =>
    meta.read((reader) => listRepositories(reader, { project: null, ...page }));
  const sorted = ["library/a", "library/a/deep", "library/ab", "library/b"];
  const all = await list({ after: null, limit: 10 });
  assert.deepEqual(
    all.repositories.map((one) => one.name),
    sorted,
  );
  const page = await list({ after: "library/a", limit: 2 });
  assert.deepEqual(
    page.repositories.map((one) => one.name),
    sorted.slice(1, 3),
  );
  assert.equal(page.more, true);
});

check("referrers are listed by type, also of a subject that is not there", async (meta) => {
  const subject = testImage("subject");
  const signature = testImage("signature", { subject, artifactType: "x/signature" });
  const sbom = testImage("sbom", { subject, annotations: { kind: "sbom" } });
  await uploadBlobs(meta.store, repo, [...signature.blobs, ...sbom.blobs]);
  const pushed = value(await pushManifest(meta.store, repo, signature));
  assert.equal(pushed.subject, subject.digest);
  value(await pushManifest(meta.store, repo, sbom));
  const list = (artifactType: string | null) =>
    meta.read((reader) =>
      listReferrers(
        reader,
        { repository: repo, subject: subject.digest },
        {
          artifactType,
          after: null,
          limit: 10,
        },
      ),
    );
  const all = await list(null);
  const digests = [signature.digest, sbom.digest].sort();
  assert.deepEqual(
    all.referrers.map((one) => one.digest),
    digests,
  );
  assert.deepEqual(
    (await list("x/signature")).referrers.map((one) => one.digest),
    [signature.digest],
  );
  const [own] = (await list("application/vnd.oci.image.config.v1+json")).referrers;
  assert.deepEqual(own?.annotations, { kind: "sbom" });
  assert.deepEqual((await list("x/none")).referrers, []);
  value(
    await deleteManifest(meta.store, { repository: repo, digest: sbom.digest, actor: "t", nowMs }),
  );
  assert.equal((await list(null)).referrers.length, 1);
});

check("referrers come in pages", async (meta) => {
  const subject = testImage("subject");
  const digests: string[] = [];
  for (let count = 0; count < 70; count += 1) {
    const image = testImage(`referrer ${count}`, { subject, layers: ["shared"] });
    await pushImage(meta.store, repo, image);
    digests.push(image.digest);
  }
  const of = { repository: repo, subject: subject.digest };
  const listed: string[] = [];
  for (let after: (typeof subject)["digest"] | null = null; ; ) {
    const page = await meta.read((reader) =>
      listReferrers(reader, of, { artifactType: null, after, limit: 33 }),
    );
    listed.push(...page.referrers.map((one) => one.digest));
    if (!page.more) break;
    after = page.referrers.at(-1)?.digest ?? null;
  }
  assert.deepEqual(listed, digests.sort());
});

check("annotations that no list of referrers can carry are refused", async (meta) => {
  const annotations = { large: "x".repeat(1024 * 1024) };
  const image = testImage("one", { subject: testImage("subject"), annotations });
  await uploadBlobs(meta.store, repo, image.blobs);
  const content = { type: "location", location: location("large") } as const;
  const push = { ...image, repository: repo, tags: [], content, bytes: 1, actor: "t", nowMs };
  assert.equal(failure(await putManifest(meta.store, push)), "annotations-too-large");
});

check("a large manifest's content lies in the blob store, once", async (meta) => {
  const image = testImage("large");
  const push = (place: string, name = repo) =>
    putManifest(meta.store, {
      ...image,
      repository: name,
      tags: [tag("v1")],
      bytes: 300_000,
      content: { type: "location", location: location(place) },
      actor: "t",
      nowMs,
    });
  await uploadBlobs(meta.store, repo, image.blobs);
  await uploadBlobs(meta.store, repository("library/two"), image.blobs);
  assert.equal(value(await push("first")).surplus, null);
  assert.equal(value(await push("second", repository("library/two"))).surplus, "second");
  assert.equal(value(await push("first")).surplus, null);
  const found = await meta.read((reader) => findManifest(reader, repo, byTag("v1")));
  assert.deepEqual(found?.content, { type: "location", location: "first" });
});

check("a deleted manifest is gone with its tags, and its children stay", async (meta) => {
  const [one, two] = [testImage("one"), testImage("two")];
  await pushImage(meta.store, repo, one, ["one"]);
  await pushImage(meta.store, repo, two);
  const index = testIndex([one, two]);
  value(await pushManifest(meta.store, repo, index, ["all", "latest"]));
  value(
    await deleteManifest(meta.store, { repository: repo, digest: index.digest, actor: "t", nowMs }),
  );
  assert.deepEqual(await tagsOf(meta), ["one"]);
  const again = await deleteManifest(meta.store, {
    repository: repo,
    digest: index.digest,
    actor: "t",
    nowMs,
  });
  assert.equal(failure(again), "manifest-unknown");
  assert.ok(await meta.read((reader) => findManifest(reader, repo, byTag("one"))));
  value(await pushManifest(meta.store, repo, index, ["all"]));
});

check("a manifest with hundreds of tags is deleted too", async (meta) => {
  const image = testImage("one");
  const names = Array.from({ length: 600 }, (_, index) => `v${index}`);
  for (let start = 0; start < names.length; start += 60) {
    await pushImage(meta.store, repo, image, names.slice(start, start + 60));
  }
  value(
    await deleteManifest(meta.store, { repository: repo, digest: image.digest, actor: "t", nowMs }),
  );
  assert.deepEqual(await tagsOf(meta), []);
});

check("a deleted tag is gone, its manifest stays", async (meta) => {
  const image = testImage("one");
  await pushImage(meta.store, repo, image, ["v1"]);
  value(await deleteTag(meta.store, { repository: repo, tag: tag("v1"), actor: "t", nowMs }));
  const again = await deleteTag(meta.store, {
    repository: repo,
    tag: tag("v1"),
    actor: "t",
    nowMs,
  });
  assert.equal(failure(again), "tag-unknown");
  const reference = { type: "digest", digest: image.digest } as const;
  assert.ok(await meta.read((reader) => findManifest(reader, repo, reference)));
});

check("a push that meets condemned blobs and content makes them live again", async (meta) => {
  const image = testImage("one", { layers: ["shared"] });
  const other = repository("library/other");
  await pushImage(meta.store, other, image);
  await uploadBlobs(meta.store, repo, image.blobs);
  const state = { type: "condemned", atTs: 1n } as const;
  await meta.calm.transact(async (transaction) => {
    for (const digest of image.blobs) {
      const blob = decodeBlob((await transaction.get(blobKey(digest))) ?? Buffer.alloc(0));
      transaction.put(blobKey(digest), encodeBlob({ ...blob, state }));
    }
    const content = decodeContent(
      (await transaction.get(contentKey(image.digest))) ?? Buffer.alloc(0),
    );
    transaction.put(contentKey(image.digest), encodeContent({ ...content, state }));
  });
  value(await pushManifest(meta.store, repo, image, ["v1"]));
  const states = await meta.read(async (reader) => {
    const blobs = await reader.getMany(image.blobs.map(blobKey));
    const content = await reader.get(contentKey(image.digest));
    return [
      ...blobs.map((bytes) => decodeBlob(bytes ?? Buffer.alloc(0)).state.type),
      decodeContent(content ?? Buffer.alloc(0)).state.type,
    ];
  });
  assert.deepEqual(states, ["live", "live", "live"]);
});
