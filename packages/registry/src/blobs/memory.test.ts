import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { blobStoreConformance, readBlobBody } from "./conformance.ts";
import { createMemoryBlobs } from "./memory.ts";

blobStoreConformance("memory", async () => {
  const blobs = createMemoryBlobs(createSimulatedWorld(1).env);
  return { blobs, reopen: () => blobs, dispose: async () => undefined };
});

test("a crash keeps what was committed and at most a prefix of the rest", async () => {
  let lost = 0;
  for (let seed = 1; seed <= 50; seed += 1) {
    const blobs = createMemoryBlobs(createSimulatedWorld(seed).env);
    const committed = await blobs.create();
    await committed.append(Buffer.from("committed"));
    await committed.commit();
    const open = await blobs.create();
    await open.append(Buffer.from("open"));
    blobs.crash();
    const body = blobs.body(committed.location, { start: 0, end: 9 });
    assert.equal((await readBlobBody(body)).toString(), "committed");
    await assert.rejects(open.append(Buffer.from("x")), { code: "closed" });
    const left = await blobs.stat(open.location);
    if ((left?.bytes ?? 0) < 4) lost += 1;
    const rest = await blobs.open(open.location);
    assert.equal(rest?.bytes ?? null, left?.bytes ?? null);
  }
  assert.ok(lost > 10);
});
