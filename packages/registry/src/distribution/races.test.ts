// Requests that meet another process's work between two of their own steps. Bytes that a record
// names are never deleted, and what was acknowledged can be pulled.

import assert from "node:assert/strict";
import { truncate } from "node:fs/promises";
import type { Store } from "@sampan/kv/txn";
import { computeDigest, type RepositoryName } from "@sampan/oci/model";
import {
  commitBlob,
  deleteBlob,
  deleteManifest,
  deleteUpload,
  listUploadsOlder,
} from "../meta/index.ts";
import { isStored, overlapped, undeterminedOnce, value } from "../meta/testing/meta-world.ts";
import { errorCodes } from "./testing/http-client.ts";
import {
  manifestOf,
  ociManifest,
  type RegistryWorld,
  worldTest,
} from "./testing/registry-world.ts";

const repository = "library/app" as RepositoryName;
const base = `/v2/${repository}`;
const nowMs = 1_700_000_000_000;

/** Wraps the next transaction of a request, once it is told how. */
interface Next {
  wrap: ((store: Store) => Store) | null;
}

function check(sentence: string, body: (world: RegistryWorld, next: Next) => Promise<void>): void {
  const next: Next = { wrap: null };
  const wrapStore = (store: Store): Store => ({
    snapshot: (at) => store.snapshot(at),
    close: () => store.close(),
    transact: (fn) => {
      const { wrap } = next;
      next.wrap = null;
      return (wrap?.(store) ?? store).transact(fn);
    },
  });
  worldTest(sentence, { wrapStore }, (world) => body(world, next));
}

const uploaded = Buffer.from("0123");
const digest = computeDigest(uploaded);
const idOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);

/** As a PUT in another process does it. */
async function commitElsewhere(world: RegistryWorld, store: Store, path: string): Promise<void> {
  const [location] = await world.blobs.list(null, 1);
  assert.ok(location !== undefined);
  const bytes = uploaded.byteLength;
  const commit = { repository, digest, location, bytes, uploadId: idOf(path), isStored, nowMs };
  value(await commitBlob(store, commit));
}

/** Runs `between` before the transaction begins. */
function preceded(store: Store, between: () => Promise<void>): Store {
  return {
    snapshot: (at) => store.snapshot(at),
    close: () => store.close(),
    transact: async (fn) => {
      await between();
      return await store.transact(fn);
    },
  };
}

for (const [when, wrap] of [
  ["before", preceded],
  ["during", overlapped],
] as const) {
  check(`a blob that an upload became ${when} its cancelling keeps its bytes`, async (w, next) => {
    const path = await w.begin(repository);
    await w.expect(202, "PATCH", path, { body: uploaded });
    next.wrap = (store) => wrap(store, () => commitElsewhere(w, store, path));
    const cancelled = await w.expect(404, "DELETE", path);
    assert.deepEqual(errorCodes(cancelled), ["BLOB_UPLOAD_UNKNOWN"]);
    const pulled = await w.expect(200, "GET", `${base}/blobs/${digest}`);
    assert.deepEqual(pulled.body, uploaded);
  });

  check(`a blob that an upload became ${when} its failing keeps its bytes`, async (w, next) => {
    const path = await w.begin(repository);
    await w.expect(202, "PATCH", path, { body: uploaded });
    next.wrap = (store) => wrap(store, () => commitElsewhere(w, store, path));
    await w.expect(400, "PUT", `${path}?digest=${digest}`, { body: "more" });
    const pulled = await w.expect(200, "GET", `${base}/blobs/${digest}`);
    assert.deepEqual(pulled.body, uploaded);
  });
}

check("pushing a blob again whose bytes are gone or cut short heals it", async (w) => {
  await w.pushBlob(repository, uploaded);
  const [whole] = await w.blobs.list(null, 1);
  assert.ok(whole !== undefined);
  const path = `${await w.begin(repository)}?digest=${digest}`;
  await w.blobs.delete(whole);
  await w.expect(201, "PUT", path, { body: uploaded });
  // Its answer was lost; what it pushed is damaged, so that it has to begin anew.
  const [healed] = await w.blobs.list(null, 2);
  assert.ok(healed !== undefined && healed !== whole);
  await w.expect(201, "PUT", path);
  const body = w.blobs.body(healed, { start: 0, end: 4 });
  assert.equal(body.type, "file");
  if (body.type === "file") await truncate(body.path, 3);
  await w.expect(404, "PUT", path);
  await w.pushBlob(repository, uploaded);
  const pulled = await w.expect(200, "GET", `${base}/blobs/${digest}`);
  assert.deepEqual(pulled.body, uploaded);
  assert.equal((await w.blobs.list(null, 10)).length, 1);
  await w.check();
});

check("a cancelled upload is gone, record and bytes", async (w) => {
  const path = await w.begin(repository);
  await w.expect(202, "PATCH", path, { body: uploaded });
  await w.expect(204, "DELETE", path);
  await w.expect(404, "DELETE", path);
  assert.deepEqual(await w.blobs.list(null, 10), []);
});

check(
  "a push in one request is well when its upload is gone and the blob there",
  async (w, next) => {
    await w.pushBlob(repository, uploaded);
    const sweepUpload = async (store: Store): Promise<void> => {
      const reader = await store.snapshot();
      const { uploads } = await listUploadsOlder(reader, {
        beforeMs: Number.MAX_SAFE_INTEGER,
        after: null,
        limit: 1,
      });
      reader.release();
      for (const { id } of uploads) value(await deleteUpload(store, { repository, id }));
    };
    // The first transaction creates the upload; the second would make it a blob.
    next.wrap = (first) => {
      next.wrap = (store) => preceded(store, () => sweepUpload(store));
      return first;
    };
    await w.expect(201, "POST", `${base}/blobs/uploads/?digest=${digest}`, { body: uploaded });
    await w.check();
  },
);

check("a large manifest keeps its bytes while a record may name them", async (w, next) => {
  const config = Buffer.from("{}");
  await w.pushBlob(repository, config);
  const body = manifestOf(config, [], { annotations: { padding: "x".repeat(600_000) } });
  const by = { repository, actor: "t", nowMs };
  // Pushed, deleted with its config by others, and only then is nobody sure that it was pushed.
  next.wrap = (store) =>
    undeterminedOnce(store, true, async () => {
      value(await deleteManifest(store, { ...by, digest: computeDigest(body) }));
      value(await deleteBlob(store, { repository, digest: computeDigest(config), nowMs: 0 }));
    });
  const headers = { "content-type": ociManifest };
  const push = () => w.send("PUT", `${base}/manifests/large`, { headers, body });
  assert.equal((await push()).status, 503);
  assert.equal((await push()).status, 404);
  await w.pushBlob(repository, config);
  assert.equal((await push()).status, 201);
  const pulled = await w.expect(200, "GET", `${base}/manifests/large`);
  assert.deepEqual(pulled.body, body);
});
