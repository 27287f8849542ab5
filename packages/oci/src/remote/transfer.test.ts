// What moves many bytes, and what gets in its way: broken connections, busy registries, wrong
// bytes, tokens that expire on the way.

import assert from "node:assert/strict";
import test from "node:test";
import type { Env } from "@sampan/env";
import { mediaTypes } from "../model/index.ts";
import { buildArtifact, content, randomImage, seededRandom } from "../testing/index.ts";
import { createRemote } from "./remote.ts";
import { byDigest, json, type name, readAll, stillEnv, tag, withRemote } from "./testing/client.ts";
import { tinyRegistry } from "./testing/registry.ts";
import type { Answer, Handler, Received } from "./testing/server.ts";
import { startServer } from "./testing/server.ts";
import { bytesSource } from "./uploads.ts";

const image = randomImage(seededRandom(2), { layers: 1, layerBytes: 5_000_000 });
const layer = image.layers[0] ?? image.config;
const size = layer.bytes.length;
const whole = { status: 200, body: layer.bytes };

/** A `Range: bytes=a-b` of the layer, as a registry answers it. */
function part(request: Received, bytes = layer.bytes): Answer {
  const match = /^bytes=([0-9]+)-([0-9]+)$/.exec(request.headers.range ?? "");
  if (match === null) return { status: 200, body: bytes };
  const [start, end] = [Number(match[1]), Number(match[2]) + 1];
  const headers = { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` };
  return { status: 206, headers, body: bytes.subarray(start, end) };
}

/** The answer, with only the first `bytes` of its body before the connection breaks. */
function broken(answer: Answer, bytes: number): Answer {
  const body = Buffer.from(answer.body ?? "");
  const headers = { ...answer.headers, "content-length": `${body.length}` };
  return { ...answer, headers, body: body.subarray(0, bytes), breaks: true };
}

async function pull(handler: Handler, env?: Env): Promise<{ bytes: Buffer; asked: Received[] }> {
  let bytes: Buffer = Buffer.alloc(0);
  const asked: Received[] = [];
  const recorded: Handler = (request) => {
    asked.push(request);
    return handler(request);
  };
  const setting = env === undefined ? {} : { env };
  await withRemote(
    recorded,
    async ({ repository }) => {
      const blob = await repository.getBlob(layer.digest, { size });
      assert.ok(blob.ok);
      bytes = await readAll(blob.value.stream);
    },
    setting,
  );
  return { bytes, asked };
}

test("a download goes on by range behind every break, and is checked as a whole", async () => {
  let count = 0;
  const { bytes, asked } = await pull((request) => {
    count += 1;
    return count <= 7 ? broken(part(request), 500_000) : part(request);
  });
  assert.ok(bytes.equals(layer.bytes));
  assert.deepEqual(asked.map((request) => request.headers.range).slice(0, 3), [
    undefined,
    `bytes=500000-${size - 1}`,
    `bytes=1000000-${size - 1}`,
  ]);
  assert.equal(asked.length, 8);
});

test("a download goes on with a registry that knows no ranges", async () => {
  let count = 0;
  const { bytes } = await pull(() => {
    count += 1;
    return count === 1 ? broken(whole, 3_000_000) : whole;
  });
  assert.ok(bytes.equals(layer.bytes));
});

test("a download is given up when nothing more comes", async () => {
  let count = 0;
  const pulled = pull((request) => {
    count += 1;
    return broken(part(request), count === 1 ? 1000 : 0);
  });
  await assert.rejects(pulled, { name: "IoError", code: "interrupted" });
  assert.equal(count, 6);
});

test("wrong bytes behind a break are found in the whole, and never asked for again", async () => {
  let count = 0;
  const wrong = Buffer.from(layer.bytes);
  wrong[4_000_000] = (wrong[4_000_000] ?? 0) ^ 1;
  const pulled = pull((request) => {
    count += 1;
    return count === 1 ? broken(part(request), 1_000_000) : part(request, wrong);
  });
  await assert.rejects(pulled, { code: "corrupt", message: /127\.0\.0\.1:[0-9]+ sent bytes/ });
  assert.equal(count, 2);
});

test("a blob of another length than its manifest says is refused before it is read", async () => {
  const longer: Handler = () => ({ status: 200, body: Buffer.concat([layer.bytes, layer.bytes]) });
  await assert.rejects(pull(longer), { code: "corrupt" });
  await assert.rejects(
    pull(() => ({ status: 200, body: "short" })),
    { code: "corrupt" },
  );
});

test("a download that may not go on says what the registry said", async () => {
  let count = 0;
  const pulled = pull((request) => {
    count += 1;
    return count === 1 ? broken(part(request), 1_000_000) : { status: 404, body: "{}" };
  });
  await assert.rejects(pulled, { code: "refused", message: /GET http.* answered 404/ });
});

/** Sleeps at once and keeps how long it was asked to. */
function hastyEnv(): { env: Env; slept: number[] } {
  const env = stillEnv();
  const slept: number[] = [];
  const sleep = async (ms: number) => void slept.push(ms);
  return { env: { ...env, clock: { ...env.clock, sleep } }, slept };
}

test("a busy registry is asked again, not before it said", async () => {
  const { env, slept } = hastyEnv();
  const busy: (Answer | "cut")[] = [
    { status: 429, headers: { "retry-after": "7" } },
    { status: 503 },
    "cut",
  ];
  const { bytes, asked } = await pull((request) => busy.shift() ?? part(request), env);
  assert.ok(bytes.equals(layer.bytes));
  assert.equal(asked.length, 4);
  assert.equal(slept[0], 7000);
  assert.ok((slept[1] ?? 0) < 1000);
});

test("a pause that is too long is told instead of waited for", async () => {
  const headers = { "retry-after": "3600" };
  await withRemote(
    () => ({ status: 429, headers }),
    async ({ repository, server }) => {
      const head = await repository.headBlob(layer.digest);
      assert.ok(!head.ok && head.error.code === "too-many-requests");
      assert.equal(head.error.retryAfterMs, 3_600_000);
      assert.equal(server.received.length, 1);
    },
  );
});

test("an upload's bytes are never sent twice for a status that may have taken them", async () => {
  let patches = 0;
  const fault = ({ method }: Received): Answer | null => {
    if (method !== "PATCH") return null;
    patches += 1;
    return patches === 1 ? { status: 503 } : null;
  };
  await withRemote(tinyRegistry({ fault }), async ({ repository, server }) => {
    assert.deepEqual(await repository.pushBlob(layer.digest, bytesSource(layer.bytes)), {
      ok: true,
      value: "pushed",
    });
    const sent = server.received.filter((request) => request.method === "PATCH");
    // The first half was stored before the answer, so only the second is sent.
    assert.equal(sent[1]?.body.length, size - (size >> 1));
    assert.equal(sent[1]?.headers["content-range"], `${size >> 1}-${size - 1}`);
  });
});

test("an upload that the registry has forgotten begins again", async () => {
  let faults = 0;
  const fault = (request: Received): Answer | "cut" | null => {
    if (faults === 0 && request.method === "PATCH") {
      faults = 1;
      return "cut";
    }
    if (faults === 1 && request.method === "GET" && request.target.includes("/uploads/")) {
      faults = 2;
      return { status: 404, body: "{}" };
    }
    return null;
  };
  await withRemote(tinyRegistry({ fault }), async ({ repository, server }) => {
    assert.ok((await repository.pushBlob(layer.digest, bytesSource(layer.bytes))).ok);
    assert.equal(server.received.filter(({ method }) => method === "POST").length, 2);
  });
});

test("a registry without PATCH gets a blob in one request", async () => {
  const fault = ({ method }: Received) => (method === "PATCH" ? { status: 405 } : null);
  await withRemote(tinyRegistry({ fault }), async ({ repository }) => {
    assert.ok((await repository.pushBlob(layer.digest, bytesSource(layer.bytes))).ok);
    assert.deepEqual(await repository.headBlob(layer.digest), { ok: true, value: size });
  });
});

test("a small blob takes two requests, also after a break of the second", async () => {
  const small = image.config;
  let cuts = 0;
  const fault = ({ method }: Received) => (method === "PUT" && cuts++ === 0 ? "cut" : null);
  await withRemote(tinyRegistry({ fault }), async ({ repository, server }) => {
    assert.ok((await repository.pushBlob(small.digest, bytesSource(small.bytes))).ok);
    const methods = server.received.map((request) => request.method);
    assert.deepEqual(methods, ["POST", "PUT", "POST", "PUT"]);
  });
});

test("bytes that are not the digest's are refused, and the upload is cancelled", async () => {
  await withRemote(tinyRegistry(), async ({ repository, server }) => {
    const pushed = await repository.pushBlob(image.config.digest, bytesSource(layer.bytes));
    assert.ok(!pushed.ok && pushed.error.errors[0]?.code === "DIGEST_INVALID");
    assert.match(pushed.error.message, /^PUT http:\/\/127\.0\.0\.1.* answered 400 \(DIGEST_INV/);
    assert.equal(server.received.at(-1)?.method, "DELETE");
  });
});

test("a blob is mounted where the other repository has it, and sent where not", async () => {
  const mountable = new Map([["library/base", [layer]]]);
  const pushed = async (from: string) => {
    let outcome = "";
    await withRemote(tinyRegistry({ mountable }), async ({ repository }) => {
      const mountFrom = from as typeof name;
      const result = await repository.pushBlob(layer.digest, bytesSource(layer.bytes), {
        mountFrom,
      });
      if (result.ok) outcome = result.value;
      assert.ok((await repository.headBlob(layer.digest)).ok);
    });
    return outcome;
  };
  assert.equal(await pushed("library/base"), "mounted");
  assert.equal(await pushed("library/other"), "pushed");
});

test("a registry that refuses to mount still takes the bytes", async () => {
  const fault = ({ target }: Received) => (target.includes("mount=") ? { status: 403 } : null);
  await withRemote(tinyRegistry({ fault }), async ({ repository }) => {
    const options = { mountFrom: "library/base" as typeof name };
    const pushed = await repository.pushBlob(layer.digest, bytesSource(layer.bytes), options);
    assert.deepEqual(pushed, { ok: true, value: "pushed" });
  });
});

/** A registry whose tokens hold for `uses` requests each. */
function shortLived(registry: Handler, uses: number): { handler: Handler; tokens: () => number } {
  let issued = 0;
  let left = 0;
  const handler: Handler = (request) => {
    const host = `http://${request.headers.host}`;
    if (request.target.startsWith("/token")) {
      issued += 1;
      left = uses;
      return json({ token: `t${issued}`, expires_in: 3600 });
    }
    if (request.headers.authorization === `Bearer t${issued}` && left-- > 0) {
      return registry(request);
    }
    const challenge = `Bearer realm="${host}/token",service="r",scope="repository:x:pull"`;
    return { status: 401, headers: { "www-authenticate": challenge } };
  };
  return { handler, tokens: () => issued };
}

test("a token that is refused in the middle of a push is renewed, and no byte is lost", async () => {
  const { handler, tokens } = shortLived(tinyRegistry(), 2);
  await withRemote(handler, async ({ repository }) => {
    const options = { chunkBytes: 1_000_000, faultsMax: 0 };
    const pushed = await repository.putBlobChunked(layer.digest, bytesSource(layer.bytes), options);
    assert.ok(pushed.ok);
    const blob = await repository.getBlob(layer.digest);
    assert.ok(blob.ok && (await readAll(blob.value.stream)).equals(layer.bytes));
  });
  assert.ok(tokens() > 3);
});

test("requests at the same time share one token", async () => {
  const { handler, tokens } = shortLived(tinyRegistry(), 100);
  await withRemote(handler, async ({ repository }) => {
    await Promise.all([1, 2, 3, 4].map(() => repository.headBlob(layer.digest)));
  });
  assert.equal(tokens(), 1);
});

test("a busy token service is asked again", async () => {
  let refusals = 2;
  const { handler } = shortLived(tinyRegistry(), 100);
  const busy: Handler = (request) => {
    const early = request.target.startsWith("/token") && refusals-- > 0;
    return early ? { status: 429 } : handler(request);
  };
  await withRemote(busy, async ({ repository }) => {
    const head = await repository.headBlob(layer.digest);
    assert.ok(!head.ok && head.error.code === "not-found");
  });
});

test("an identity token is exchanged at the token service and goes nowhere else", async () => {
  const forms: string[] = [];
  const { handler } = shortLived(tinyRegistry(), 100);
  const recorded: Handler = (request) => {
    if (request.target.startsWith("/token")) forms.push(`${request.method} ${request.body}`);
    return handler(request);
  };
  const credentials = { username: "<token>", password: "", identityToken: "refresh-me" };
  await withRemote(
    recorded,
    async ({ repository, server }) => {
      await repository.headBlob(layer.digest);
      const form = new URLSearchParams(forms[0]?.replace("POST ", ""));
      assert.equal(form.get("grant_type"), "refresh_token");
      assert.equal(form.get("refresh_token"), "refresh-me");
      assert.equal(form.get("scope"), "repository:library/a:pull repository:x:pull");
      for (const { headers } of server.received) {
        assert.doesNotMatch(headers.authorization ?? "", /Basic/);
      }
    },
    { credentials },
  );
});

const signature = buildArtifact(
  "application/x.signature",
  content("application/x", Buffer.from("signature")),
  image.manifest,
);
const sbom = buildArtifact(
  "application/x.sbom",
  content("application/x", Buffer.from("sbom")),
  image.manifest,
);

test("referrers are listed over all pages, and filtered whatever the registry does", async () => {
  await withRemote(tinyRegistry(), async ({ repository }) => {
    for (const artifact of [signature, sbom]) {
      await repository.putManifest(byDigest(artifact.manifest.digest), artifact.manifest);
    }
    const all = await repository.listReferrers(image.manifest.digest);
    assert.ok(all.ok && all.value.api);
    assert.deepEqual(
      all.value.descriptors.map((item) => item.digest),
      [signature.manifest.digest, sbom.manifest.digest],
    );
    const artifactType = "application/x.sbom";
    const some = await repository.listReferrers(image.manifest.digest, { artifactType });
    assert.ok(some.ok);
    assert.deepEqual(
      some.value.descriptors.map((item) => item.digest),
      [sbom.manifest.digest],
    );
  });
});

test("without the API the fallback tag tells the referrers, and none is an empty list", async () => {
  await withRemote(tinyRegistry({ withoutReferrers: true }), async ({ repository }) => {
    const none = await repository.listReferrers(image.manifest.digest);
    assert.deepEqual(none, { ok: true, value: { descriptors: [], api: false } });
    const { mediaType, digest, bytes } = signature.manifest;
    const index = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [{ mediaType, digest, size: bytes.length }],
    };
    const fallback = tag(image.manifest.digest.replace(":", "-"));
    await repository.putManifest(fallback, {
      mediaType: mediaTypes.ociIndex,
      bytes: Buffer.from(JSON.stringify(index)),
    });
    const found = await repository.listReferrers(image.manifest.digest);
    assert.ok(found.ok && !found.value.api);
    assert.deepEqual(
      found.value.descriptors.map((item) => item.digest),
      [digest],
    );
  });
});

test("a redirect in the middle of a download gets the range, not the credentials", async () => {
  let count = 0;
  const storage = await startServer((request) => {
    count += 1;
    return count === 1 ? broken(part(request), 1_000_000) : part(request);
  });
  const { handler } = shortLived(
    () => ({ status: 307, headers: { location: new URL("/layer", storage.url).href } }),
    100,
  );
  try {
    const { bytes } = await pull(handler);
    assert.ok(bytes.equals(layer.bytes));
    assert.deepEqual(
      storage.received.map(({ headers }) => [headers.range, headers.authorization]),
      [
        [undefined, undefined],
        [`bytes=1000000-${size - 1}`, undefined],
      ],
    );
  } finally {
    await storage.close();
  }
});

test("a registry that restarts is waited for, one that never answered is not", async () => {
  const first = await startServer(tinyRegistry());
  const { env, slept } = hastyEnv();
  const options = { registry: first.url, stallMs: 1000, connectionsMax: 2 };
  const remote = createRemote(env, { credentials: null }, options);
  assert.ok((await remote.ping()).ok);
  await first.close();
  await assert.rejects(remote.ping(), { code: "unreachable" });
  assert.equal(slept.length, 5);
  const stranger = createRemote(env, { credentials: null }, options);
  await assert.rejects(stranger.ping(), { code: "unreachable" });
  assert.equal(slept.length, 5);
  remote.close();
  stranger.close();
});

test("what a server that is no registry says to people is passed on, in one line", async () => {
  const headers = { "content-type": "text/plain; charset=utf-8" };
  const body = "Client sent an HTTP request to an HTTPS server.\nsecond";
  await withRemote(
    () => ({ status: 400, headers, body }),
    async ({ remote }) => {
      const pinged = await remote.ping();
      assert.ok(!pinged.ok);
      assert.match(pinged.error.message, /answered 400 \(Client sent .* to an HTTPS server\.\)$/);
    },
  );
});
