// The collector on the strict twin, in virtual time: what is needed stays, what is not goes, and a
// push may come between any two of its steps.

import assert from "node:assert/strict";
import { test } from "node:test";
import { IoError, type Random } from "@sampan/env";
import type { Reader } from "@sampan/kv/txn";
import { type StrictRates, strictCalm, strictStorm } from "@sampan/kv/txn/strict";
import type { Digest } from "@sampan/oci/model";
import type { BlobLocation, BlobStore } from "../blobs/blobs.ts";
import { createMemoryBlobs } from "../blobs/memory.ts";
import { commitBlob, deleteBlob, findBlob, mountBlob } from "../meta/blob-links.ts";
import { condemnUnneeded } from "../meta/collection-first-look.ts";
import { itemsTogetherMax } from "../meta/collection-items.ts";
import { listWork } from "../meta/collection-records.ts";
import { keyPrefixes } from "../meta/keys.ts";
import { deleteManifest } from "../meta/manifest-removal.ts";
import { findManifest } from "../meta/manifests.ts";
import { deleteRepository } from "../meta/project-removal.ts";
import { brokenInvariants } from "../meta/testing/invariants.ts";
import {
  failure,
  isStored,
  type MetaWorld,
  overlapped,
  persist,
  pushManifest,
  repository,
  type TestManifest,
  testImage,
  value,
  withMeta,
} from "../meta/testing/meta-world.ts";
import { type Collector, createCollector } from "./collect.ts";

const repo = repository("library/app");
const other = repository("library/other");
const graceMs = 60_000;
const secondMs = 1_000;

interface World extends MetaWorld {
  readonly blobs: BlobStore;
  readonly collector: Collector;
  /** Virtual time passes while the collector goes its rounds. */
  pass(ms: number): Promise<void>;
}

async function withCollector(
  options: { readonly seed?: number; readonly rates?: StrictRates },
  body: (world: World) => Promise<void>,
): Promise<void> {
  await withMeta(options, async (meta) => {
    const blobs = createMemoryBlobs(meta.env);
    const collector = createCollector(meta.env, { store: meta.store, blobs }, { graceMs });
    const { signal } = new AbortController();
    const pass = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += secondMs) {
        await meta.env.clock.sleep(secondMs);
        while (await collector.round(signal));
      }
    };
    await body({ ...meta, blobs, collector, pass });
  });
}

/** Brings the bytes too; gives where they lie. */
async function upload(
  { store, blobs, env }: World,
  to: typeof repo,
  digests: readonly Digest[],
): Promise<BlobLocation[]> {
  const locations: BlobLocation[] = [];
  for (const digest of new Set(digests)) {
    const file = await blobs.create();
    await file.append(Buffer.from("7 bytes"));
    await file.commit();
    const { location } = file;
    const nowMs = env.clock.now();
    const commit = { repository: to, digest, location, bytes: 7, uploadId: null, isStored, nowMs };
    const { surplus } = value(await persist(() => commitBlob(store, commit)));
    if (surplus !== null) await blobs.delete(surplus);
    else locations.push(location);
  }
  return locations;
}

async function push(world: World, to: typeof repo, image: TestManifest): Promise<void> {
  await upload(world, to, image.blobs);
  value(await persist(() => pushManifest(world.store, to, image)));
}

async function remove({ store, env }: World, from: typeof repo, digest: Digest): Promise<void> {
  const what = { repository: from, digest, actor: "tester", nowMs: env.clock.now() };
  value(await persist(() => deleteManifest(store, what)));
}

async function keysOf({ read }: World, prefix: string): Promise<number> {
  const range = { start: Buffer.from(prefix), end: Buffer.from(`${prefix}\xff`, "latin1") };
  return (await read((reader) => reader.scan(range, { limit: 10_000, keysOnly: true }))).length;
}

/** Nothing is left of blobs and manifests, and no work to do. */
async function assertEmpty(world: World): Promise<void> {
  const { blob, blobLink, content, outline, reference, location, collection } = keyPrefixes;
  const prefixes = { blob, blobLink, content, outline, reference, location, collection };
  for (const [name, prefix] of Object.entries(prefixes)) {
    assert.equal(await keysOf(world, prefix), 0, `${name} records are left`);
  }
  assert.deepEqual(await world.blobs.list(null, 10), []);
}

const isThere = (world: World, from: typeof repo, digest: Digest) =>
  world.read(async (reader) => (await findBlob(reader, from, digest)) !== null);

test("a deleted image is freed when the grace time is over, what others name stays", () =>
  withCollector({}, async (world) => {
    const kept = testImage("kept", { layers: ["base", "own"] });
    const gone = testImage("gone", { layers: ["base", "theirs"] });
    await push(world, repo, kept);
    await push(world, repo, gone);
    await world.pass(graceMs + 5 * secondMs);
    await remove(world, repo, gone.digest);
    await world.pass(graceMs - 5 * secondMs);
    assert.equal(
      (await world.blobs.list(null, 10)).length,
      5,
      "within the grace time all is there",
    );
    await world.pass(10 * secondMs);
    assert.equal((await world.blobs.list(null, 10)).length, 3);
    assert.equal(await keysOf(world, keyPrefixes.content), 1);
    assert.equal(await keysOf(world, keyPrefixes.collection), 0);
    for (const digest of kept.blobs) assert.ok(await isThere(world, repo, digest));
    assert.ok(
      (await world.read((reader) =>
        findManifest(reader, repo, { type: "digest", digest: kept.digest }),
      )) !== null,
    );
    assert.deepEqual(await world.read(brokenInvariants), []);
  }));

test("a blob that no manifest came to name goes, and not before its time", () =>
  withCollector({}, async (world) => {
    const image = testImage("never pushed");
    await upload(world, repo, image.blobs);
    await world.pass(graceMs - 5 * secondMs);
    for (const digest of image.blobs) assert.ok(await isThere(world, repo, digest));
    await world.pass(10 * secondMs);
    for (const digest of image.blobs) assert.ok(!(await isThere(world, repo, digest)));
    await world.pass(graceMs + 5 * secondMs);
    await assertEmpty(world);
  }));

test("a manifest that names what is condemned has it, without another upload", () =>
  withCollector({}, async (world) => {
    const image = testImage("again");
    await push(world, repo, image);
    await remove(world, repo, image.digest);
    await world.pass(graceMs / 2);
    assert.ok(!(await isThere(world, repo, image.blobs[0] ?? image.digest)), "it answers 404 now");
    value(await pushManifest(world.store, repo, image));
    await world.pass(3 * graceMs);
    for (const digest of image.blobs) assert.ok(await isThere(world, repo, digest));
    assert.equal((await world.blobs.list(null, 10)).length, 2);
    assert.deepEqual(await world.read(brokenInvariants), []);
  }));

test("a blob that was pushed again since its manifest was deleted is there", () =>
  withCollector({}, async (world) => {
    const image = testImage("twice");
    await push(world, repo, image);
    await remove(world, repo, image.digest);
    await world.env.clock.sleep(1);
    await upload(world, repo, image.blobs);
    await world.pass(5 * secondMs);
    for (const digest of image.blobs) assert.ok(await isThere(world, repo, digest));
  }));

test("what a client deleted is not named any more, however the collector stands", () =>
  withCollector({}, async (world) => {
    const image = testImage("refused");
    await upload(world, repo, image.blobs);
    const [digest = image.digest] = image.blobs;
    value(
      await deleteBlob(world.store, { repository: repo, digest, nowMs: world.env.clock.now() }),
    );
    await world.pass(5 * secondMs);
    const refused = failure(await pushManifest(world.store, repo, image));
    assert.equal(refused, "manifest-blob-unknown");
  }));

test("a push that read before the first look and commits after it keeps its blobs", () =>
  withCollector({}, async (world) => {
    const image = testImage("slow");
    await upload(world, repo, image.blobs);
    await world.pass(graceMs - 2 * secondMs);
    const slow = overlapped(world.calm, () => world.pass(8 * secondMs));
    value(await pushManifest(slow, repo, image));
    await world.pass(3 * graceMs);
    for (const digest of image.blobs) assert.ok(await isThere(world, repo, digest));
    assert.equal((await world.blobs.list(null, 10)).length, 2);
    assert.deepEqual(await world.read(brokenInvariants), []);
  }));

/** Condemned, and the second look is a few seconds off. */
async function soonDeleted(world: World, image: TestManifest): Promise<void> {
  await push(world, repo, image);
  await remove(world, repo, image.digest);
  await world.pass(graceMs - 4 * secondMs);
  assert.ok(!(await isThere(world, repo, image.blobs[0] ?? image.digest)));
}

test("a push that meets a condemned blob and commits behind the second look starts afresh", () =>
  withCollector({}, async (world) => {
    const image = testImage("late");
    await soonDeleted(world, image);
    const late = overlapped(world.calm, () => world.pass(8 * secondMs));
    assert.equal(failure(await pushManifest(late, repo, image)), "manifest-blob-unknown");
    await assertEmpty(world);
  }));

test("so does another manifest of the same blobs, which has no content to be deleted", () =>
  withCollector({}, async (world) => {
    const image = testImage("late");
    await soonDeleted(world, image);
    const sibling = testImage("late", { annotations: { of: "the same blobs" } });
    assert.deepEqual(sibling.blobs, image.blobs);
    assert.notEqual(sibling.digest, image.digest);
    const late = overlapped(world.calm, () => world.pass(8 * secondMs));
    assert.equal(failure(await pushManifest(late, repo, sibling)), "manifest-blob-unknown");
    await assertEmpty(world);
  }));

test("an upload that meets its blob condemned and commits behind the second look is kept", () =>
  withCollector({}, async (world) => {
    const image = testImage("late upload");
    await soonDeleted(world, image);
    const late = overlapped(world.calm, () => world.pass(8 * secondMs));
    await upload({ ...world, store: late }, other, image.blobs.slice(0, 1));
    await upload(world, other, image.blobs.slice(1));
    value(await pushManifest(world.store, other, image));
    await world.pass(3 * graceMs);
    for (const digest of image.blobs) assert.ok(await isThere(world, other, digest));
    assert.equal((await world.blobs.list(null, 10)).length, 2);
    assert.deepEqual(await world.read(brokenInvariants), []);
  }));

test("a manifest that is pushed again while its content is deleted has content", () =>
  withCollector({}, async (world) => {
    const image = testImage("content");
    await push(world, other, image);
    await remove(world, other, image.digest);
    await world.pass(graceMs - 4 * secondMs);
    await upload(world, repo, image.blobs);
    const late = overlapped(world.calm, () => world.pass(8 * secondMs));
    value(await pushManifest(late, repo, image));
    await world.pass(3 * graceMs);
    const reference = { type: "digest", digest: image.digest } as const;
    assert.ok((await world.read((reader) => findManifest(reader, repo, reference))) !== null);
    assert.deepEqual(await world.read(brokenInvariants), []);
  }));

test("a mount that is committed behind the first look is there at once", () =>
  withCollector({}, async (world) => {
    const image = testImage("mounted late");
    await push(world, repo, image);
    const nowMs = world.env.clock.now();
    const [digest = image.digest] = image.blobs;
    const late = overlapped(world.calm, async () => {
      await remove(world, repo, image.digest);
      await world.pass(3 * secondMs);
    });
    value(await mountBlob(late, { from: repo, repository: other, digest, nowMs }));
    assert.ok(await isThere(world, other, digest));
    await world.pass(graceMs / 2);
    assert.ok(await isThere(world, other, digest));
  }));

test("a mount between the looks keeps the blob for the other repository", () =>
  withCollector({}, async (world) => {
    const image = testImage("mounted");
    await push(world, repo, image);
    const nowMs = world.env.clock.now();
    const [digest = image.digest] = image.blobs;
    value(await mountBlob(world.store, { from: repo, repository: other, digest, nowMs }));
    await remove(world, repo, image.digest);
    await world.pass(graceMs / 2);
    assert.ok(await isThere(world, other, digest));
    value(await pushManifest(world.store, repo, image));
    await remove(world, repo, image.digest);
    await world.pass(4 * graceMs);
    await assertEmpty(world);
  }));

test("more at once than one transaction takes is freed, by a process that starts late", () =>
  withCollector({}, async (world) => {
    for (let index = 0; index < 200; index += 1) {
      const layers = Array.from({ length: 7 }, (_, layer) => `${index} ${layer}`);
      await push(world, repo, testImage(`many ${index}`, { layers }));
    }
    const what = { repository: repo, actor: "tester", nowMs: world.env.clock.now() };
    value(await deleteRepository(world.store, what));
    await world.pass(5 * secondMs);
    await world.env.clock.sleep(5 * graceMs);
    await world.pass(2 * graceMs);
    await assertEmpty(world);
  }));

/** More than a page of any stage, each a note of its own, made by a process whose clock is wrong. */
const wrongNotes = 150;
const yearMs = 365 * 24 * 60 * 60_000;

for (const [name, offMs] of [
  ["a year ahead", yearMs],
  ["a little ahead", 3 * graceMs],
] as const) {
  test(`uploads of a process whose clock is ${name} do not hold back those behind them`, () =>
    withCollector({}, async (world) => {
      const { clock } = world.env;
      const ahead = { ...clock, now: () => clock.now() + offMs };
      for (let index = 0; index < wrongNotes; index += 1) {
        const [digest] = testImage(`ahead ${index}`).blobs;
        assert.ok(digest !== undefined);
        await upload({ ...world, env: { ...world.env, clock: ahead } }, repo, [digest]);
      }
      const image = testImage("behind");
      await upload(world, repo, image.blobs);
      await world.pass(2 * graceMs + 10 * secondMs);
      for (const digest of image.blobs) assert.ok(!(await isThere(world, repo, digest)));
      const left = (await world.blobs.list(null, 1_000)).length;
      assert.equal(left, wrongNotes, "theirs wait for their time");
      if (offMs === yearMs) return;
      await world.pass(offMs + 10 * secondMs);
      await assertEmpty(world);
    }));
}

test("what was deleted by a process whose clock is ahead is looked at at once", () =>
  withCollector({}, async (world) => {
    const { clock } = world.env;
    const ahead = { ...clock, now: () => clock.now() + yearMs };
    // More than the collector reads in one round.
    for (let index = 0; index < 4 * wrongNotes; index += 1) {
      const image = testImage(`ahead ${index}`);
      await push(world, repo, image);
      await remove({ ...world, env: { ...world.env, clock: ahead } }, repo, image.digest);
    }
    const image = testImage("behind");
    await push(world, repo, image);
    await remove(world, repo, image.digest);
    await world.pass(20 * secondMs);
    assert.deepEqual(await world.read((reader) => listAllWork(reader, "freed")), []);
  }));

test("what a collector with a wrong clock condemned does not hold back the second looks", () =>
  withCollector({}, async (world) => {
    const { clock } = world.env;
    const freed = async () => await world.read((reader) => listAllWork(reader, "freed"));
    for (let index = 0; index < wrongNotes; index += 1) {
      const image = testImage(`condemned ${index}`);
      await push(world, repo, image);
      await remove(world, repo, image.digest);
      const nowMs = clock.now() + yearMs;
      const look = { nowMs, itemsMax: itemsTogetherMax };
      value(await condemnUnneeded(world.store, await freed(), look));
    }
    for (let index = 0; index < wrongNotes; index += 1) {
      const image = testImage(`behind ${index}`);
      await push(world, repo, image);
      await remove(world, repo, image.digest);
      const look = { nowMs: clock.now(), itemsMax: itemsTogetherMax };
      value(await condemnUnneeded(world.store, await freed(), look));
    }
    await world.pass(graceMs + 20 * secondMs);
    assert.equal((await world.blobs.list(null, 1_000)).length, 2 * wrongNotes);
    assert.equal(await keysOf(world, keyPrefixes.content), wrongNotes);
  }));

const listAllWork = (reader: Reader, stage: "freed") =>
  listWork(reader, stage, { after: null, limit: 1_000 });

test("bytes that cannot be deleted are reported once and do not hold back the others", () =>
  withCollector({}, async (world) => {
    const kept = new Set<BlobLocation>();
    const blobs: BlobStore = {
      ...world.blobs,
      deleteAll: async ([first, ...others]) => {
        const isFirst = kept.size === 0;
        await world.blobs.deleteAll(first === undefined || isFirst ? others : [first, ...others]);
        if (first === undefined || !isFirst) return;
        kept.add(first);
        throw new IoError("io", "injected");
      },
    };
    const deps = { store: world.store, blobs };
    const collector = createCollector(world.env, deps, { graceMs });
    const { signal } = new AbortController();
    const uploaded: BlobLocation[] = [];
    for (let index = 0; index < 3 * itemsTogetherMax; index += 1) {
      uploaded.push(
        ...(await upload(world, repo, [testImage(`many ${index}`).blobs[0] as Digest])),
      );
    }
    let failures = 0;
    for (let passed = 0; passed < 3 * graceMs; passed += secondMs) {
      await world.env.clock.sleep(secondMs);
      await collector.round(signal).catch((error: unknown) => {
        assert.ok(error instanceof IoError);
        failures += 1;
      });
    }
    assert.equal(failures, 1);
    assert.equal(uploaded.length, 3 * itemsTogetherMax);
    assert.deepEqual(await world.blobs.list(null, 10), [...kept]);
  }));

test("a deleted repository leaves nothing behind", () =>
  withCollector({}, async (world) => {
    for (const name of ["a", "b", "c"]) await push(world, repo, testImage(name));
    const what = { repository: repo, actor: "tester", nowMs: world.env.clock.now() };
    value(await deleteRepository(world.store, what));
    await world.pass(2 * graceMs);
    await assertEmpty(world);
  }));

const names = ["a", "b", "c", "d"];
const images = names.map((name) => testImage(name, { layers: ["base", `${name} own`] }));

async function act(world: World, random: Random): Promise<void> {
  const image = images[random.int(images.length)] as TestManifest;
  const to = random.int(2) === 0 ? repo : other;
  const nowMs = world.env.clock.now();
  const draw = random.int(10);
  if (draw < 5) {
    await upload(world, to, image.blobs);
    const pushed = await persist(() => pushManifest(world.store, to, image));
    assert.ok(pushed.ok || pushed.error.code === "manifest-blob-unknown");
  } else if (draw < 8) {
    const what = { repository: to, digest: image.digest, actor: "t", nowMs };
    await persist(() => deleteManifest(world.store, what));
  } else if (draw < 9) {
    const digest = image.blobs[random.int(image.blobs.length)] ?? image.digest;
    await persist(() => deleteBlob(world.store, { repository: to, digest, nowMs }));
  } else {
    const digest = image.blobs[0] ?? image.digest;
    const from = to === repo ? other : repo;
    await persist(() => mountBlob(world.store, { from, repository: to, digest, nowMs }));
  }
}

for (const [name, rates] of [
  ["calm", strictCalm],
  ["stormy", strictStorm],
] as const) {
  test(`pushes, deletions, mounts and collection at once break nothing, on a ${name} store`, async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      await withCollector({ seed, rates }, async (world) => {
        const { random, clock } = world.env;
        let acting = 4;
        const client = async (): Promise<void> => {
          for (let count = 0; count < 25; count += 1) {
            await act(world, random);
            await clock.sleep(random.int(15_000));
          }
          acting -= 1;
        };
        const collecting = async (): Promise<void> => {
          while (acting > 0) await world.pass(secondMs);
        };
        await Promise.all([client(), client(), client(), client(), collecting()]);
        assert.deepEqual(await world.read(brokenInvariants), [], `seed ${seed}`);
        for (const to of [repo, other]) {
          for (const { digest } of images) {
            const what = { repository: to, digest, actor: "t", nowMs: clock.now() };
            await persist(() => deleteManifest(world.store, what));
          }
        }
        await world.pass(4 * graceMs);
        await assertEmpty(world);
      });
    }
  });
}
