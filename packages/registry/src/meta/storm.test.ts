// Many clients at once, on a store that does all a cluster may do: conflicts, undetermined commits,
// late ones, transactions that grow too old. What was acknowledged is there, and the records fit
// together.

import assert from "node:assert/strict";
import test from "node:test";
import type { Random, Result } from "@sampan/env";
import { strictStorm } from "@sampan/kv/txn/strict";
import type { Digest } from "@sampan/oci/model";
import type { ProjectName } from "../core/project-name.ts";
import { commitBlob, deleteBlob, findBlob, mountBlob } from "./blob-links.ts";
import { deleteManifest, deleteTag } from "./manifest-removal.ts";
import { findManifest } from "./manifests.ts";
import { deleteProject, deleteRepository } from "./project-removal.ts";
import { createProject, findProject } from "./projects.ts";
import { listTags } from "./tags.ts";
import { brokenInvariants, entriesOf } from "./testing/invariants.ts";
import type { MetaWorld, TestManifest } from "./testing/meta-world.ts";
import {
  isStored,
  location,
  nowMs,
  persist,
  pushManifest,
  repository,
  tag,
  testImage,
  testIndex,
  uploadBlobs,
  value,
  withMeta,
} from "./testing/meta-world.ts";
import { createUpload, deleteUpload } from "./uploads.ts";

const seeds = [1, 2, 3, 4, 5, 6];
const repositories = ["library/a", "library/b", "team/c"].map(repository);
// Few images, and layers that they share, so that clients meet.
const images = ["one", "two", "three", "four"].map((name) =>
  testImage(name, { layers: ["base", `${name} layer`] }),
);
const index = testIndex(images.slice(0, 2));
const signature = testImage("signature", { layers: ["base"], subject: images[0] as TestManifest });
const tags = ["latest", "v1", "v2"];

function storm(sentence: string, body: (meta: MetaWorld) => Promise<void>): void {
  for (const seed of seeds) {
    test(`${sentence} (seed ${seed})`, () =>
      withMeta({ seed, rates: strictStorm }, async (meta) => {
        const team = { name: "team" as ProjectName, public: false, actor: "admin", nowMs };
        value(await persist(() => createProject(meta.store, team)));
        await body(meta);
        // Commits that were answered as undetermined may come so late.
        await meta.env.clock.sleep(strictStorm.lateCommitMsMax * 2);
        assert.deepEqual(await meta.read(brokenInvariants), []);
      }));
  }
}

/** Runs it as a client does; all that may be refused is refused with one of the codes. */
async function attempt(
  call: () => Promise<Result<unknown, { readonly code: string }>>,
  ...refusals: readonly string[]
): Promise<boolean> {
  const result = await persist(call);
  if (!result.ok) assert.ok(refusals.includes(result.error.code), result.error.code);
  return result.ok;
}

const pick = <T>(random: Random, items: readonly T[]): T => items[random.int(items.length)] as T;

async function push(meta: MetaWorld, random: Random): Promise<void> {
  const to = pick(random, repositories);
  const image = pick(random, [...images, signature]);
  await uploadBlobs(meta.store, to, image.blobs);
  const names = random.int(3) === 0 ? [] : [pick(random, tags), pick(random, tags)];
  // A blob may have been deleted since, a client then begins again.
  await attempt(() => pushManifest(meta.store, to, image, names), "manifest-blob-unknown");
}

const operations: readonly ((meta: MetaWorld, random: Random) => Promise<unknown>)[] = [
  push,
  push,
  push,
  (meta, random) => {
    const to = pick(random, repositories);
    return attempt(() => pushManifest(meta.store, to, index, ["all"]), "manifest-blob-unknown");
  },
  (meta, random) => {
    const { digest } = pick(random, [...images, index, signature]);
    const what = { repository: pick(random, repositories), digest, actor: "t", nowMs };
    return attempt(() => deleteManifest(meta.store, what), "manifest-unknown");
  },
  (meta, random) => {
    const what = { repository: pick(random, repositories), tag: tag(pick(random, tags)) };
    return attempt(() => deleteTag(meta.store, { ...what, actor: "t", nowMs }), "tag-unknown");
  },
  (meta, random) => {
    const digest = pick(random, pick(random, images).blobs);
    const what = { repository: pick(random, repositories), digest, nowMs };
    return attempt(() => deleteBlob(meta.store, what), "blob-unknown", "blob-in-use");
  },
  (meta, random) => {
    const digest = pick(random, pick(random, images).blobs);
    const [from, to] = [pick(random, repositories), pick(random, repositories)];
    const mount = { from, repository: to, digest, nowMs };
    return attempt(() => mountBlob(meta.store, mount), "blob-unknown");
  },
  (meta, random) => checkPull(meta, random),
];

/** Whoever finds a tag finds all of its image, in one snapshot. */
async function checkPull(meta: MetaWorld, random: Random): Promise<void> {
  const from = pick(random, repositories);
  const reference = { type: "tag", tag: tag(pick(random, tags)) } as const;
  await meta.read(async (reader) => {
    const found = await findManifest(reader, from, reference);
    const image = [...images, signature].find((one) => one.digest === found?.digest);
    for (const blob of image?.blobs ?? []) {
      assert.ok(await findBlob(reader, from, blob), `${from}:${reference.tag} lacks ${blob}`);
    }
  });
}

storm("clients that push, pull and delete the same things leave sound records", async (meta) => {
  const client = async (number: number) => {
    const { random } = meta.world.process(`client ${number}`).env;
    for (let round = 0; round < 25; round += 1) await pick(random, operations)(meta, random);
  };
  await Promise.all(Array.from({ length: 6 }, (_, number) => client(number)));
});

storm("what a client pushed and nobody else touches is there", async (meta) => {
  const client = async (number: number) => {
    const { random } = meta.world.process(`client ${number}`).env;
    const own = repository(`library/own-${number}`);
    const expected = new Map<string, Digest>();
    for (let round = 0; round < 20; round += 1) {
      const name = pick(random, tags);
      if (random.int(4) === 0) {
        const what = { repository: own, tag: tag(name), actor: "t", nowMs };
        const there = await attempt(() => deleteTag(meta.store, what), "tag-unknown");
        assert.equal(there, expected.delete(name));
        continue;
      }
      const image = pick(random, images);
      await uploadBlobs(meta.store, own, image.blobs);
      value(await persist(() => pushManifest(meta.store, own, image, [name])));
      expected.set(name, image.digest);
    }
    await meta.read(async (reader) => {
      const page = await listTags(reader, own, { after: null, limit: 10 });
      assert.deepEqual(JSON.parse(page?.json ?? "null"), [...expected.keys()].sort());
      for (const [name, digest] of expected) {
        const reference = { type: "tag", tag: tag(name) } as const;
        assert.equal((await findManifest(reader, own, reference))?.digest, digest);
      }
    });
  };
  await Promise.all(Array.from({ length: 6 }, (_, number) => client(number)));
});

storm("two that push to one tag: one of them wins, and both manifests stay", async (meta) => {
  const [one, two] = [images[0] as TestManifest, images[1] as TestManifest];
  const to = repository("library/race");
  for (const image of [one, two]) await uploadBlobs(meta.store, to, image.blobs);
  await Promise.all(
    [one, two].map(async (image) => {
      value(await persist(() => pushManifest(meta.store, to, image, ["latest"])));
    }),
  );
  await meta.read(async (reader) => {
    const found = await findManifest(reader, to, { type: "tag", tag: tag("latest") });
    assert.ok(found?.digest === one.digest || found?.digest === two.digest);
    for (const { digest } of [one, two]) {
      assert.ok(await findManifest(reader, to, { type: "digest", digest }));
    }
  });
});

storm("many first pushes into one project all succeed", async (meta) => {
  const image = images[0] as TestManifest;
  const names = Array.from({ length: 20 }, (_, number) => repository(`team/new-${number}`));
  await Promise.all(
    names.map(async (name) => {
      await uploadBlobs(meta.store, name, image.blobs);
      value(await persist(() => pushManifest(meta.store, name, image, ["latest"])));
    }),
  );
});

storm("uploads of one blob keep exactly one copy", async (meta) => {
  const digest = images[0]?.blobs[0] as Digest;
  const kept = new Set<string>();
  const upload = async (number: number) => {
    const id = `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
    const place = location(`place-${number}`);
    const to = pick(meta.env.random, repositories);
    const record = { id, repository: to, location: place, startedMs: nowMs, actor: "t" };
    value(await persist(() => createUpload(meta.store, record)));
    if (number % 4 === 0) {
      value(await persist(() => deleteUpload(meta.store, { repository: to, id })));
      return;
    }
    const commit = {
      repository: to,
      digest,
      location: place,
      bytes: 7,
      uploadId: id,
      isStored,
      nowMs,
    };
    const committed = await persist(() => commitBlob(meta.store, commit));
    // A commit that nobody knows of may have won; the client then finds its upload gone.
    if (committed.ok) kept.add(committed.value.location);
    else assert.equal(committed.error.code, "upload-unknown");
  };
  await Promise.all(Array.from({ length: 12 }, (_, number) => upload(number)));
  await meta.env.clock.sleep(strictStorm.lateCommitMsMax * 2);
  assert.equal(kept.size, 1);
  const places = await meta.read((reader) => entriesOf(reader, "Sw"));
  assert.equal(places.length, 1);
  assert.deepEqual(await meta.read((reader) => entriesOf(reader, "Su")), []);
});

storm("projects and repositories that come and go leave sound records", async (meta) => {
  const name = "team" as ProjectName;
  const [one, two] = [repository("team/one"), repository("team/two")];
  let over = false;
  const pusher = async (number: number) => {
    const { random } = meta.world.process(`pusher ${number}`).env;
    while (!over) {
      const to = pick(random, [one, two]);
      const image = pick(random, images);
      for (const digest of image.blobs) {
        const place = location(`${number}/${digest}/${random.int(2 ** 32)}`);
        const commit = {
          repository: to,
          digest,
          location: place,
          bytes: 7,
          uploadId: null,
          isStored,
          nowMs,
        };
        await attempt(() => commitBlob(meta.store, commit), "project-unknown");
      }
      const refusals = ["manifest-blob-unknown", "project-unknown"];
      await attempt(() => pushManifest(meta.store, to, image, ["latest"]), ...refusals);
      await meta.env.clock.sleep(random.int(40_000));
    }
  };
  const remover = async () => {
    for (let round = 0; round < 12; round += 1) {
      for (const gone of [one, two]) {
        const what = { repository: gone, actor: "t", nowMs };
        await attempt(() => deleteRepository(meta.store, what), "repository-unknown");
      }
      const refusals = ["project-not-empty", "project-unknown"];
      await attempt(() => deleteProject(meta.env, meta.store, { name, actor: "t" }), ...refusals);
      const made = { name, public: true, actor: "t", nowMs };
      await attempt(() => createProject(meta.store, made), "project-exists");
      assert.ok(await meta.read((reader) => findProject(reader, name)));
    }
    over = true;
  };
  await Promise.all([pusher(1), pusher(2), remover()]);
});
