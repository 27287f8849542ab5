// The check of what is stored: every way in which bytes can be damaged.

import assert from "node:assert/strict";
import { test } from "node:test";
import { IoError } from "@sampan/env";
import { computeDigest, type Digest } from "@sampan/oci/model";
import type { BlobLocation, BlobStore } from "../blobs/blobs.ts";
import { readBlobBody } from "../blobs/conformance.ts";
import { createMemoryBlobs } from "../blobs/memory.ts";
import { commitBlob } from "../meta/blob-links.ts";
import {
  isStored,
  type MetaWorld,
  nowMs,
  pushManifest,
  repository,
  testImage,
  value,
  withMeta,
} from "../meta/testing/meta-world.ts";
import { createStoreCheck, type StoreCheck } from "./check.ts";

const repo = repository("library/app");
const content = (name: string) => Buffer.from(`the bytes of ${name}`);

interface Stored {
  readonly digest: Digest;
  readonly location: BlobLocation;
}

async function store({ store }: MetaWorld, blobs: BlobStore, name: string): Promise<Stored> {
  const file = await blobs.create();
  await file.append(content(name));
  await file.commit();
  const { location } = file;
  const digest = computeDigest(content(name));
  const bytes = content(name).length;
  const commit = { repository: repo, digest, location, bytes, uploadId: null, isStored, nowMs };
  value(await commitBlob(store, commit));
  return { digest, location };
}

/** The disk has other bytes at `changed`, fewer at `cut`, and fails at `broken`. */
function damaged(
  blobs: BlobStore,
  at: { readonly [Damage in "changed" | "cut" | "broken"]: BlobLocation },
): BlobStore {
  return {
    ...blobs,
    stat: async (location) => {
      const stat = await blobs.stat(location);
      return stat === null || location !== at.cut ? stat : { ...stat, bytes: stat.bytes - 1 };
    },
    body: (location, range) => {
      if (location === at.broken) throw new IoError("io", "read blob: EIO");
      if (location === at.changed) return { type: "bytes", bytes: content("charged") };
      return blobs.body(location, range);
    },
  };
}

function createCheck({ env, store }: MetaWorld, blobs: BlobStore): StoreCheck {
  return createStoreCheck(env, {
    store,
    blobs,
    hash: async (body, algorithm) => computeDigest(await readBlobBody(body), algorithm),
  });
}

test("missing, cut, changed, unreadable and sound blobs are told apart", () =>
  withMeta({}, async (meta) => {
    const blobs = createMemoryBlobs(meta.env);
    const sound = await store(meta, blobs, "sound");
    const missing = await store(meta, blobs, "missing");
    const cut = await store(meta, blobs, "cut");
    const changed = await store(meta, blobs, "changed");
    const broken = await store(meta, blobs, "broken");
    await blobs.delete(missing.location);
    const at = { changed: changed.location, cut: cut.location, broken: broken.location };
    const page = await createCheck(meta, damaged(blobs, at)).page(null);
    assert.deepEqual([page.checked, page.next], [5, null]);
    const found = new Map(page.findings.map(({ digest, damage }) => [digest, damage]));
    assert.equal(found.size, 4);
    assert.equal(found.get(sound.digest), undefined);
    assert.equal(found.get(missing.digest), "missing");
    assert.equal(found.get(cut.digest), "wrong-size");
    assert.equal(found.get(changed.digest), "wrong-digest");
    assert.equal(found.get(broken.digest), "unreadable");
  }));

test("manifests are hashed too, and a page that took its time ends", () =>
  withMeta({}, async (meta) => {
    const blobs = createMemoryBlobs(meta.env);
    const names = ["a", "b", "c"];
    for (const name of names) await store(meta, blobs, name);
    const image = testImage("no blobs of its own", { layers: [] });
    const [config = image.digest] = image.blobs;
    const file = await blobs.create();
    await file.commit();
    const { location } = file;
    const seven = { repository: repo, digest: config, location, bytes: 7, uploadId: null };
    value(await commitBlob(meta.store, { ...seven, isStored, nowMs }));
    value(await pushManifest(meta.store, repo, image));
    const slow: BlobStore = {
      ...blobs,
      stat: async (at) => {
        await meta.env.clock.sleep(3_000);
        return await blobs.stat(at);
      },
    };
    const check = createCheck(meta, slow);
    const seen: string[] = [];
    let [checked, pages] = [0, 0];
    for (let after: string | null = null, isFirst = true; isFirst || after !== null; ) {
      const page = await check.page(after);
      isFirst = false;
      checked += page.checked;
      pages += 1;
      seen.push(...page.findings.map(({ digest, damage }) => `${damage} ${digest}`));
      after = page.next;
    }
    assert.deepEqual([checked, pages], [5, 3]);
    assert.deepEqual(seen, [`wrong-size ${config}`]);
  }));
