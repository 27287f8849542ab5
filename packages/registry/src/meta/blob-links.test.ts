// Blobs and uploads: whose they are, who brought them first, what a deletion takes.

import assert from "node:assert/strict";
import test from "node:test";
import type { ProjectName } from "../core/project-name.ts";
import { commitBlob, deleteBlob, findBlob, listBlobRepositories, mountBlob } from "./blob-links.ts";
import { decodeBlob, encodeBlob } from "./blob-records.ts";
import { blobKey } from "./keys.ts";
import { findLocations } from "./locations.ts";
import { deleteProject } from "./project-removal.ts";
import { createProject } from "./projects.ts";
import { brokenInvariants } from "./testing/invariants.ts";
import type { MetaWorld } from "./testing/meta-world.ts";
import {
  digestOf,
  failure,
  isStored,
  location,
  nowMs,
  overlapped,
  pushImage,
  pushManifest,
  repository,
  testImage,
  undeterminedOnce,
  uploadBlobs,
  value,
  withMeta,
} from "./testing/meta-world.ts";
import { createUpload, deleteUpload, findUpload, listUploadsOlder } from "./uploads.ts";

const repo = repository("library/app");
const other = repository("library/other");
const digest = digestOf("blob");
const uploadId = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

function check(sentence: string, body: (meta: MetaWorld) => Promise<void>): void {
  test(sentence, () =>
    withMeta({}, async (meta) => {
      await body(meta);
      assert.deepEqual(await meta.read(brokenInvariants), []);
    }),
  );
}

const begin = (meta: MetaWorld, n: number, to = repo) =>
  createUpload(meta.store, {
    id: uploadId(n),
    repository: to,
    location: location(`place-${n}`),
    startedMs: meta.env.clock.now(),
    actor: "tester",
  });

const commit = (meta: MetaWorld, n: number, { to = repo, isStored = true } = {}) =>
  commitBlob(meta.store, {
    repository: to,
    digest,
    location: location(`place-${n}`),
    bytes: 7,
    uploadId: uploadId(n),
    isStored: async () => isStored,
    nowMs,
  });

const find = (meta: MetaWorld, name = repo) =>
  meta.read((reader) => findBlob(reader, name, digest));

check("a committed upload is a blob of its repository alone", async (meta) => {
  value(await begin(meta, 1));
  assert.equal(await find(meta), null);
  assert.deepEqual(value(await commit(meta, 1)), { location: "place-1", surplus: null });
  assert.deepEqual(await find(meta), { location: "place-1", bytes: 7 });
  assert.equal(await find(meta, other), null);
  assert.equal(await meta.read((reader) => findUpload(reader, repo, uploadId(1))), null);
});

check("an upload is found in its repository alone, by a well-formed id", async (meta) => {
  value(await begin(meta, 1));
  const found = await meta.read((reader) => findUpload(reader, repo, uploadId(1)));
  assert.equal(found?.location, "place-1");
  assert.equal(found?.actor, "tester");
  assert.equal(await meta.read((reader) => findUpload(reader, other, uploadId(1))), null);
  assert.equal(await meta.read((reader) => findUpload(reader, repo, "../x\0")), null);
});

check("an upload needs a project", async (meta) => {
  assert.equal(failure(await begin(meta, 1, repository("nowhere/app"))), "project-unknown");
  assert.equal(failure(await begin(meta, 1, repository("app"))), "project-unknown");
  const direct = { digest, location: location("p"), bytes: 7, uploadId: null, isStored, nowMs };
  const committed = await commitBlob(meta.store, { ...direct, repository: repository("no/app") });
  assert.equal(failure(committed), "project-unknown");
});

check(
  "who comes second keeps the first one's bytes and is told to delete its own",
  async (meta) => {
    for (const n of [1, 2]) value(await begin(meta, n));
    value(await begin(meta, 3, other));
    assert.equal(value(await commit(meta, 1)).surplus, null);
    assert.deepEqual(value(await commit(meta, 2)), { location: "place-1", surplus: "place-2" });
    assert.deepEqual(value(await commit(meta, 3, { to: other })), {
      location: "place-1",
      surplus: "place-3",
    });
    assert.deepEqual(await find(meta, other), { location: "place-1", bytes: 7 });
    const places = [1, 2, 3].map((n) => location(`place-${n}`));
    const owners = await meta.read((reader) => findLocations(reader, places));
    assert.deepEqual(owners, [{ type: "blob", digest }, null, null]);
  },
);

check("a commit that is sent again succeeds, one without an upload does not", async (meta) => {
  value(await begin(meta, 1));
  value(await commit(meta, 1));
  assert.deepEqual(value(await commit(meta, 1)), { location: "place-1", surplus: null });
  assert.equal(failure(await commit(meta, 2)), "upload-unknown");
});

check("a commit under another repository's upload is refused", async (meta) => {
  value(await begin(meta, 1, other));
  assert.equal(failure(await commit(meta, 1, { to: repo })), "upload-unknown");
});

check("a cancelled upload is gone, its location is nobody's", async (meta) => {
  value(await begin(meta, 1));
  const places = [location("place-1")];
  const owners = await meta.read((reader) => findLocations(reader, places));
  assert.deepEqual(owners, [{ type: "upload", id: uploadId(1) }]);
  const what = { repository: repo, id: uploadId(1) };
  assert.equal(value(await deleteUpload(meta.store, what)).location, "place-1");
  assert.equal(failure(await deleteUpload(meta.store, what)), "upload-unknown");
  assert.deepEqual(await meta.read((reader) => findLocations(reader, places)), [null]);
  assert.equal(failure(await commit(meta, 1)), "upload-unknown");
});

check("uploads that started before a moment are found, page by page", async (meta) => {
  for (let n = 0; n < 5; n += 1) value(await begin(meta, n));
  await meta.env.clock.sleep(60_000);
  const beforeMs = meta.env.clock.now() - 1_000;
  for (let n = 5; n < 8; n += 1) value(await begin(meta, n));
  const ids: string[] = [];
  for (let after: string | null = null; ; ) {
    const page = await meta.read((reader) =>
      listUploadsOlder(reader, { beforeMs, after, limit: 3 }),
    );
    ids.push(...page.uploads.map((upload) => upload.id));
    if (page.next === null) break;
    after = page.next;
  }
  assert.deepEqual(ids, [0, 1, 2, 3, 4].map(uploadId));
});

check("a blob is mounted from a repository that has it", async (meta) => {
  await uploadBlobs(meta.store, repo, [digest]);
  const mounted = value(
    await mountBlob(meta.store, { from: repo, repository: other, digest, nowMs }),
  );
  assert.deepEqual(await find(meta, other), mounted);
  const from = repository("library/none");
  assert.equal(
    failure(await mountBlob(meta.store, { from, repository: repo, digest, nowMs })),
    "blob-unknown",
  );
  const to = repository("nowhere/app");
  assert.equal(
    failure(await mountBlob(meta.store, { from: repo, repository: to, digest, nowMs })),
    "project-unknown",
  );
  const names = await meta.read((reader) => listBlobRepositories(reader, digest, 10));
  assert.deepEqual(names, [repo, other]);
});

check(
  "a deleted blob is gone from one repository and comes back when uploaded again",
  async (meta) => {
    await uploadBlobs(meta.store, repo, [digest]);
    value(await mountBlob(meta.store, { from: repo, repository: other, digest, nowMs }));
    value(await deleteBlob(meta.store, { repository: repo, digest, nowMs: 0 }));
    assert.equal(await find(meta), null);
    assert.ok(await find(meta, other));
    assert.equal(
      failure(await deleteBlob(meta.store, { repository: repo, digest, nowMs: 0 })),
      "blob-unknown",
    );
    assert.equal(
      failure(await mountBlob(meta.store, { from: repo, repository: other, digest, nowMs })),
      "blob-unknown",
    );
    assert.deepEqual(await meta.read((reader) => listBlobRepositories(reader, digest, 10)), [
      other,
    ]);
    await uploadBlobs(meta.store, repo, [digest]);
    assert.ok(await find(meta));
  },
);

check("a blob that a manifest names cannot be deleted", async (meta) => {
  const image = testImage("one");
  await pushImage(meta.store, repo, image);
  for (const blob of image.blobs) {
    const deleted = await deleteBlob(meta.store, { repository: repo, digest: blob, nowMs: 0 });
    assert.equal(failure(deleted), "blob-in-use");
  }
});

check("a manifest cannot name a deleted blob", async (meta) => {
  const image = testImage("one");
  await uploadBlobs(meta.store, repo, image.blobs);
  value(
    await deleteBlob(meta.store, { repository: repo, digest: image.blobs[0] ?? digest, nowMs: 0 }),
  );
  assert.equal(failure(await pushManifest(meta.store, repo, image)), "manifest-blob-unknown");
});

check("an upload that meets a condemned blob makes it live again, where it lies", async (meta) => {
  await uploadBlobs(meta.store, repo, [digest]);
  const before = await find(meta);
  await meta.calm.transact(async (transaction) => {
    const blob = decodeBlob((await transaction.get(blobKey(digest))) ?? Buffer.alloc(0));
    const state = { type: "condemned", atTs: 1n } as const;
    transaction.put(blobKey(digest), encodeBlob({ ...blob, state }));
  });
  // Its link counts, so the collector will not delete it.
  assert.deepEqual(await find(meta), before);
  value(await begin(meta, 1));
  assert.deepEqual(value(await commit(meta, 1)), {
    location: before?.location,
    surplus: "place-1",
  });
  assert.deepEqual(await find(meta), before);
});

const cancel = { repository: repo, id: uploadId(1) };

check("an upload that becomes a blob while it is cancelled stays the blob's", async (meta) => {
  value(await begin(meta, 1));
  const store = overlapped(meta.calm, async () => void value(await commit(meta, 1)));
  assert.equal(failure(await deleteUpload(store, cancel)), "upload-unknown");
  assert.deepEqual(await find(meta), { location: "place-1", bytes: 7 });
});

check("so it does when nobody knew for a while whether it was cancelled", async (meta) => {
  value(await begin(meta, 1));
  const store = undeterminedOnce(meta.calm, false, async () => void value(await commit(meta, 1)));
  assert.equal(failure(await deleteUpload(store, cancel)), "upload-unknown");
  assert.deepEqual(await find(meta), { location: "place-1", bytes: 7 });
});

check("a cancellation that turns out to have been done has been done", async (meta) => {
  value(await begin(meta, 1));
  const store = undeterminedOnce(meta.calm, true, async () => undefined);
  assert.equal(value(await deleteUpload(store, cancel)).location, "place-1");
});

check("an upload that may have begun before its project went is undetermined", async (meta) => {
  const project = { name: "team" as ProjectName, actor: "t" };
  value(await createProject(meta.calm, { ...project, public: false, nowMs }));
  const store = undeterminedOnce(meta.calm, true, async () => {
    value(await deleteProject(meta.env, meta.calm, project));
  });
  const began = await begin({ ...meta, store }, 1, repository("team/app"));
  assert.equal(failure(began), "undetermined");
});

check("a blob whose bytes are damaged takes those of the next push, everywhere", async (meta) => {
  value(await begin(meta, 1));
  value(await begin(meta, 2, other));
  value(await commit(meta, 1));
  const healed = value(await commit(meta, 2, { to: other, isStored: false }));
  assert.deepEqual(healed, { location: "place-2", surplus: "place-1" });
  for (const name of [repo, other]) {
    assert.deepEqual(await find(meta, name), { location: "place-2", bytes: 7 });
  }
  const places = [location("place-1"), location("place-2")];
  const owners = await meta.read((reader) => findLocations(reader, places));
  assert.deepEqual(owners, [null, { type: "blob", digest }]);
});

check("bytes whose upload was cancelled heal nothing", async (meta) => {
  for (const n of [1, 2]) value(await begin(meta, n));
  value(await commit(meta, 1));
  value(await deleteUpload(meta.store, { repository: repo, id: uploadId(2) }));
  assert.equal(failure(await commit(meta, 2, { isStored: false })), "upload-unknown");
  assert.deepEqual(await find(meta), { location: "place-1", bytes: 7 });
});
