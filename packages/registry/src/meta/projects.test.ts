// Projects, users and the first start.

import assert from "node:assert/strict";
import test from "node:test";
import { type ProjectName, parseProjectName } from "../core/project-name.ts";
import { deleteBlob, findBlob } from "./blob-links.ts";
import { install, isInstalled } from "./installation.ts";
import { formatKey } from "./keys.ts";
import { findManifest } from "./manifests.ts";
import { deleteProject, deleteRepository, projectGraceMs } from "./project-removal.ts";
import {
  createProject,
  findProject,
  findProjectById,
  listProjects,
  setProjectPublic,
} from "./projects.ts";
import { findRepository, listRepositories } from "./repositories.ts";
import { listTags } from "./tags.ts";
import { brokenInvariants } from "./testing/invariants.ts";
import type { MetaWorld } from "./testing/meta-world.ts";
import {
  failure,
  nowMs,
  pushImage,
  pushManifest,
  repository,
  tag,
  testImage,
  uploadBlobs,
  value,
  withMeta,
} from "./testing/meta-world.ts";
import { findUser, setPasswordHash } from "./users.ts";

function check(sentence: string, body: (meta: MetaWorld) => Promise<void>): void {
  test(sentence, () =>
    withMeta({}, async (meta) => {
      await body(meta);
      assert.deepEqual(await meta.read(brokenInvariants), []);
    }),
  );
}

const project = (name: string) => name as ProjectName;
const create = (meta: MetaWorld, name: string) =>
  createProject(meta.store, { name: project(name), public: false, actor: "admin", nowMs });

test("a project's name is one component of a repository's", () => {
  const good = ["a", "library", "a.b", "a_b", "a__b", "a--b", "0", "x".repeat(255)];
  for (const name of good) assert.equal(parseProjectName(name), name);
  const bad = ["", "A", "a/b", "a..b", "-a", "a-", ".", "..", "a b", "é", "a\0", "x".repeat(256)];
  for (const name of bad) assert.equal(parseProjectName(name), null, name);
});

check("the first start makes the public project library and the administrator", async (meta) => {
  const library = await meta.read((reader) => findProject(reader, project("library")));
  assert.deepEqual([library?.id, library?.public, library?.owner], [1, true, "admin"]);
  const admin = await meta.read((reader) => findUser(reader, "admin"));
  assert.deepEqual([admin?.id, admin?.admin, admin?.passwordHash], [1, true, "none"]);
  assert.deepEqual(await isInstalled(meta.store), { ok: true, value: true });
  assert.deepEqual(await install(meta.store, { adminPasswordHash: "x", nowMs }), {
    ok: true,
    value: false,
  });
});

check("a store of a newer format is refused", async (meta) => {
  await meta.calm.transact(async (transaction) => transaction.put(formatKey(), Uint8Array.of(9)));
  const refused = { ok: false, error: { code: "format-newer", found: 9, known: 1 } };
  assert.deepEqual(await isInstalled(meta.store), refused);
  assert.deepEqual(await install(meta.store, { adminPasswordHash: "x", nowMs }), refused);
});

check("projects are created once, numbered, and found by name and number", async (meta) => {
  const made = value(await create(meta, "team"));
  assert.equal(failure(await create(meta, "team")), "project-exists");
  assert.deepEqual(await meta.read((reader) => findProject(reader, project("team"))), made);
  assert.deepEqual(await meta.read((reader) => findProjectById(reader, made.id)), made);
  for (const id of [0, -1, 1.5, 2 ** 32, 99]) {
    assert.equal(await meta.read((reader) => findProjectById(reader, id)), null);
  }
});

check("projects are listed by name, in pages", async (meta) => {
  for (const name of ["b", "a", "c"]) value(await create(meta, name));
  const first = await meta.read((reader) => listProjects(reader, { after: null, limit: 2 }));
  assert.deepEqual(
    first.projects.map((one) => one.name),
    ["a", "b"],
  );
  assert.equal(first.more, true);
  const rest = await meta.read((reader) => listProjects(reader, { after: "b", limit: 2 }));
  assert.deepEqual(
    rest.projects.map((one) => one.name),
    ["c", "library"],
  );
  assert.equal(rest.more, false);
});

check("a project is made public and private again", async (meta) => {
  value(await create(meta, "team"));
  const change = { name: project("team"), public: true, actor: "admin", nowMs };
  assert.equal(value(await setProjectPublic(meta.store, change)).public, true);
  assert.equal((await meta.read((reader) => findProject(reader, project("team"))))?.public, true);
  const unknown = { ...change, name: project("none") };
  assert.equal(failure(await setProjectPublic(meta.store, unknown)), "project-unknown");
});

const remove = (meta: MetaWorld, name: string) =>
  deleteProject(meta.env, meta.store, { name: project(name), actor: "admin" });

check("an empty project is deleted; one with repositories is not", async (meta) => {
  value(await create(meta, "team"));
  value(await create(meta, "empty"));
  await pushImage(meta.store, repository("team/app"), testImage("one"));
  assert.equal(failure(await remove(meta, "team")), "project-not-empty");
  value(await remove(meta, "empty"));
  assert.equal(failure(await remove(meta, "empty")), "project-unknown");
  assert.equal(
    failure(await pushManifest(meta.store, repository("empty/app"), testImage("x"))),
    "project-unknown",
  );
});

check("a project that is made again has none of the blobs of the old one", async (meta) => {
  value(await create(meta, "team"));
  const repo = repository("team/app");
  const image = testImage("one");
  await uploadBlobs(meta.store, repo, image.blobs);
  value(await remove(meta, "team"));
  value(await create(meta, "team"));
  for (const digest of image.blobs) {
    assert.equal(await meta.read((reader) => findBlob(reader, repo, digest)), null);
    assert.equal(
      failure(await deleteBlob(meta.store, { repository: repo, digest, nowMs: 0 })),
      "blob-unknown",
    );
  }
  assert.equal(failure(await pushManifest(meta.store, repo, image)), "manifest-blob-unknown");
});

check("a deleted repository is gone, and its project can go, after a wait", async (meta) => {
  value(await create(meta, "team"));
  const repo = repository("team/app");
  const image = testImage("one");
  await pushImage(meta.store, repo, image, ["v1", "v2"]);
  await pushImage(meta.store, repo, testImage("two"));
  const gone = { repository: repo, actor: "admin", nowMs };
  value(await deleteRepository(meta.store, gone));
  assert.equal(await meta.read((reader) => findRepository(reader, repo)), null);
  assert.equal(
    await meta.read((reader) => listTags(reader, repo, { after: null, limit: 9 })),
    null,
  );
  const reference = { type: "digest", digest: image.digest } as const;
  assert.equal(await meta.read((reader) => findManifest(reader, repo, reference)), null);
  const left = await meta.read((reader) =>
    listRepositories(reader, { project: project("team"), after: null, limit: 9 }),
  );
  assert.deepEqual(left.repositories, []);
  const before = meta.world.nowMs();
  value(await remove(meta, "team"));
  assert.ok(meta.world.nowMs() - before >= projectGraceMs);
});

check("a push revives a deleted repository, which needs its blobs again", async (meta) => {
  const repo = repository("library/app");
  const image = testImage("one");
  await pushImage(meta.store, repo, image, ["v1"]);
  value(await deleteRepository(meta.store, { repository: repo, actor: "admin", nowMs }));
  assert.equal(failure(await pushManifest(meta.store, repo, image)), "manifest-blob-unknown");
  await pushImage(meta.store, repo, image, ["v1"]);
  assert.ok(await meta.read((reader) => findRepository(reader, repo)));
  const reference = { type: "tag", tag: tag("v1") } as const;
  assert.ok(await meta.read((reader) => findManifest(reader, repo, reference)));
});

check("a repository that is not there cannot be deleted", async (meta) => {
  const none = { repository: repository("library/none"), actor: "admin", nowMs };
  assert.equal(failure(await deleteRepository(meta.store, none)), "repository-unknown");
});

check("a user's password is set; a stranger's name is no key", async (meta) => {
  const changed = { name: "admin", passwordHash: "new", actor: "admin", nowMs };
  value(await setPasswordHash(meta.store, changed));
  assert.equal((await meta.read((reader) => findUser(reader, "admin")))?.passwordHash, "new");
  assert.equal(
    failure(await setPasswordHash(meta.store, { ...changed, name: "x" })),
    "user-unknown",
  );
  for (const name of ["a\0b", "x".repeat(10_000), ""]) {
    assert.equal(await meta.read((reader) => findUser(reader, name)), null);
  }
});
