// Every pair of writes, one run to its end between the other's reads and its commit: the worst
// moment that snapshot isolation allows. Whatever the two answer, the records fit together
// afterwards.

import assert from "node:assert/strict";
import test from "node:test";
import type { Env, Result } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { ProjectName } from "../core/project-name.ts";
import { commitBlob, deleteBlob, findBlob, mountBlob } from "./blob-links.ts";
import { deleteManifest, deleteTag } from "./manifest-removal.ts";
import { deleteProject, deleteRepository } from "./project-removal.ts";
import { createProject, setProjectPublic } from "./projects.ts";
import { brokenInvariants } from "./testing/invariants.ts";
import type { MetaWorld, TestManifest } from "./testing/meta-world.ts";
import {
  isStored,
  location,
  nowMs,
  overlapped,
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

const repo = repository("team/app");
const fresh = repository("team/fresh");
const library = repository("library/app");
const empty = repository("empty/app");
const [one, two, three] = ["one", "two", "three"].map((name) =>
  testImage(name, { layers: ["base", `${name} layer`] }),
) as [TestManifest, TestManifest, TestManifest];
const index = testIndex([one, two]);
const signature = testImage("signature", { layers: ["base"], subject: one });
const base = one.blobs[1] ?? one.digest;
const name = "team" as ProjectName;

/**
 * `one` and `two` are pushed; the blobs of `three` and `signature` are uploaded, no manifest names
 * them.
 */
async function prepare(meta: MetaWorld): Promise<void> {
  value(await createProject(meta.calm, { name, public: false, actor: "t", nowMs }));
  await pushImage(meta.calm, repo, one, ["latest", "one"]);
  await pushImage(meta.calm, repo, two, ["two"]);
  await uploadBlobs(meta.calm, repo, [...three.blobs, ...signature.blobs]);
  await uploadBlobs(meta.calm, fresh, three.blobs);
  const other = { name: "empty" as ProjectName, public: false, actor: "t", nowMs };
  value(await createProject(meta.calm, other));
  await uploadBlobs(meta.calm, empty, three.blobs);
  await uploadBlobs(meta.calm, library, three.blobs.slice(0, 1));
}

type Operation = (store: Store, env: Env) => Promise<Result<unknown, { readonly code: string }>>;

const by = { actor: "t", nowMs };

const operations: Readonly<Record<string, Operation>> = {
  "push a new manifest": (store) => pushManifest(store, repo, three, ["latest"]),
  "push a new manifest without a tag": (store) => pushManifest(store, repo, three),
  "push one again with a new tag": (store) => pushManifest(store, repo, one, ["again"]),
  "move a tag": (store) => pushManifest(store, repo, two, ["latest"]),
  "push an index": (store) => pushManifest(store, repo, index, ["all"]),
  "push a referrer": (store) => pushManifest(store, repo, signature),
  "first push into a repository": (store) => pushManifest(store, fresh, three, ["latest"]),
  "delete a manifest": (store) =>
    deleteManifest(store, { repository: repo, digest: one.digest, ...by }),
  "delete another manifest": (store) =>
    deleteManifest(store, { repository: repo, digest: two.digest, ...by }),
  "delete a tag": (store) => deleteTag(store, { repository: repo, tag: tag("latest"), ...by }),
  "delete a blob": (store) =>
    deleteBlob(store, { repository: repo, digest: three.blobs[0] ?? base, nowMs: 0 }),
  "delete a new repository's blob": (store) =>
    deleteBlob(store, { repository: fresh, digest: three.blobs[0] ?? base, nowMs: 0 }),
  "upload a blob": (store) =>
    commitBlob(store, {
      repository: repo,
      digest: three.blobs[0] ?? base,
      location: location("again"),
      bytes: 7,
      uploadId: null,
      isStored,
      nowMs,
    }),
  "mount a blob": (store) =>
    mountBlob(store, { from: repo, repository: library, digest: three.blobs[0] ?? base, nowMs }),
  "delete a repository": (store) => deleteRepository(store, { repository: repo, ...by }),
  "delete the project": (store, env) => deleteProject(env, store, { name, actor: "t" }),
  "delete the repository, then the project": async (store, env) => {
    const deleted = await deleteRepository(store, { repository: repo, ...by });
    return deleted.ok ? deleteProject(env, store, { name, actor: "t" }) : deleted;
  },
  "first push into a project": (store) => pushManifest(store, empty, three, ["latest"]),
  "delete an empty project": (store, env) =>
    deleteProject(env, store, { name: "empty" as ProjectName, actor: "t" }),
  "make the project public": (store) => setProjectPublic(store, { name, public: true, ...by }),
};

for (const [first, runFirst] of Object.entries(operations)) {
  for (const [second, runSecond] of Object.entries(operations)) {
    test(`${first}, while another does: ${second}`, () =>
      withMeta({}, async (meta) => {
        await prepare(meta);
        const store = overlapped(meta.calm, async () => {
          await runSecond(meta.calm, meta.env);
        });
        await runFirst(store, meta.env);
        assert.deepEqual(await meta.read(brokenInvariants), []);
      }));
  }
}

test("a blob that is deleted while a push names it stays with the manifest", () =>
  withMeta({}, async (meta) => {
    await prepare(meta);
    const digest = three.blobs[0] ?? base;
    const store = overlapped(meta.calm, async () => {
      value(await deleteBlob(meta.calm, { repository: repo, digest, nowMs: 0 }));
    });
    value(await pushManifest(store, repo, three, ["latest"]));
    assert.ok(await meta.read((reader) => findBlob(reader, repo, digest)));
    value(await deleteManifest(meta.calm, { repository: repo, digest: three.digest, ...by }));
    assert.equal(await meta.read((reader) => findBlob(reader, repo, digest)), null);
  }));

test("a push into a repository that is being deleted is kept, and keeps the project", () =>
  withMeta({}, async (meta) => {
    await prepare(meta);
    const store = overlapped(meta.calm, async () => {
      value(await deleteRepository(meta.calm, { repository: repo, ...by }));
    });
    // Without a tag: one that the deletion takes would conflict.
    value(await pushManifest(store, repo, three));
    const kept = await deleteProject(meta.env, meta.calm, { name, actor: "t" });
    assert.ok(!kept.ok && kept.error.code === "project-not-empty");
    assert.deepEqual(await meta.read(brokenInvariants), []);
  }));
