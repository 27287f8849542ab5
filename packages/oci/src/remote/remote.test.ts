// The client against servers in this process: what it sends, what it makes of answers and of
// faults.

import assert from "node:assert/strict";
import test from "node:test";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { computeDigest, errorBody } from "../model/index.ts";
import { randomImage, seededRandom } from "../testing/index.ts";
import type { Remote } from "./remote.ts";
import { createRemote } from "./remote.ts";
import { byDigest, json, readAll, stallMs, stillEnv, tag, withRemote } from "./testing/client.ts";
import { tinyRegistry } from "./testing/registry.ts";
import type { Answer, Handler } from "./testing/server.ts";
import { startServer } from "./testing/server.ts";
import { bytesSource } from "./uploads.ts";

const image = randomImage(seededRandom(1), { layers: 1, layerBytes: 300_000 });
const layer = image.layers[0] ?? image.config;

test("an image goes there and comes back, and is deleted", async () => {
  await withRemote(tinyRegistry(), async ({ repository, remote }) => {
    assert.ok((await remote.ping()).ok);
    for (const blob of [layer, image.config]) {
      assert.ok((await repository.putBlob(blob.digest, bytesSource(blob.bytes))).ok);
      assert.deepEqual(await repository.headBlob(blob.digest), {
        ok: true,
        value: blob.bytes.length,
      });
    }
    const put = await repository.putManifest(tag("v1"), image.manifest);
    assert.deepEqual(put, { ok: true, value: image.manifest.digest });
    const head = await repository.headManifest(tag("v1"));
    assert.ok(head.ok && head.value.digest === image.manifest.digest);
    assert.equal(head.value.size, image.manifest.bytes.length);
    const got = await repository.getManifest(byDigest(image.manifest.digest));
    assert.ok(got.ok && Buffer.from(got.value.bytes).equals(image.manifest.bytes));
    assert.equal(got.value.mediaType, image.manifest.mediaType);
    const blob = await repository.getBlob(layer.digest);
    assert.ok(blob.ok && blob.value.bytes === layer.bytes.length);
    assert.ok((await readAll(blob.value.stream)).equals(layer.bytes));
    assert.ok((await repository.deleteManifest(tag("v1"))).ok);
    assert.ok((await repository.deleteBlob(layer.digest)).ok);
    const gone = await repository.getManifest(tag("v1"));
    assert.ok(!gone.ok && gone.error.code === "not-found");
    assert.equal(gone.error.errors[0]?.code, "MANIFEST_UNKNOWN");
  });
});

test("a chunked upload goes on where the registry is after faults", async () => {
  let faults = 0;
  const fault = (request: { method: string }): Answer | "cut" | null => {
    if (request.method !== "PATCH" || faults >= 3) return null;
    faults += 1;
    return faults === 2 ? { status: 502 } : "cut";
  };
  await withRemote(tinyRegistry({ fault }), async ({ repository }) => {
    const options = { chunkBytes: 100_000, faultsMax: 3 };
    const source = bytesSource(layer.bytes);
    assert.ok((await repository.putBlobChunked(layer.digest, source, options)).ok);
    const blob = await repository.getBlob(layer.digest);
    assert.ok(blob.ok && (await readAll(blob.value.stream)).equals(layer.bytes));
  });
  assert.equal(faults, 3);
});

test("a chunked upload is given up after too many faults in a row", async () => {
  const fault = (request: { method: string }) => (request.method === "PATCH" ? "cut" : null);
  await withRemote(tinyRegistry({ fault }), async ({ repository }) => {
    const options = { chunkBytes: 100_000, faultsMax: 2 };
    const pushed = repository.putBlobChunked(layer.digest, bytesSource(layer.bytes), options);
    await assert.rejects(pushed, { name: "IoError", code: "unreachable" });
  });
});

test("a finished upload whose answer was lost counts as finished", async () => {
  let lost = false;
  const registry = tinyRegistry();
  const handler: Handler = (request) => {
    const answer = registry(request);
    if (request.method !== "PUT" || lost) return answer;
    lost = true;
    return "cut";
  };
  await withRemote(handler, async ({ repository }) => {
    const options = { chunkBytes: 200_000, faultsMax: 2 };
    const source = bytesSource(layer.bytes);
    assert.ok((await repository.putBlobChunked(layer.digest, source, options)).ok);
  });
  assert.ok(lost);
});

test("an empty blob and a wrong digest are told as they are", async () => {
  await withRemote(tinyRegistry(), async ({ repository }) => {
    const none = new Uint8Array(0);
    const options = { chunkBytes: 1000, faultsMax: 0 };
    assert.ok((await repository.putBlob(computeDigest(none), bytesSource(none))).ok);
    assert.ok(
      (await repository.putBlobChunked(computeDigest(none), bytesSource(none), options)).ok,
    );
    const wrong = await repository.putBlob(layer.digest, bytesSource(image.config.bytes));
    assert.ok(!wrong.ok && wrong.error.errors[0]?.code === "DIGEST_INVALID");
  });
});

test("a range of a blob is given, also by a registry that knows no ranges", async () => {
  const range = { start: 100, end: 70_000 };
  const expected = Buffer.from(layer.bytes.subarray(range.start, range.end));
  const whole: Handler = () => ({ status: 200, body: layer.bytes });
  const registry = tinyRegistry();
  for (const handler of [registry, whole]) {
    await withRemote(handler, async ({ repository }) => {
      if (handler === registry) await repository.putBlob(layer.digest, bytesSource(layer.bytes));
      const part = await repository.getBlob(layer.digest, { range });
      assert.ok(part.ok && part.value.bytes === expected.length);
      assert.ok((await readAll(part.value.stream)).equals(expected));
    });
  }
});

test("a range other than the one asked for is a fault of the registry", async () => {
  const headers = { "content-range": "bytes 5-9/100" };
  await withRemote(
    () => ({ status: 206, headers, body: "12345" }),
    async ({ repository }) => {
      const part = repository.getBlob(layer.digest, { range: { start: 0, end: 5 } });
      await assert.rejects(part, { code: "protocol" });
    },
  );
});

test("bytes that are not what the digest names are never taken for it", async () => {
  const liar: Handler = () => ({
    status: 200,
    headers: { "content-type": image.manifest.mediaType },
    body: "{}",
  });
  await withRemote(liar, async ({ repository }) => {
    const manifest = repository.getManifest(byDigest(image.manifest.digest));
    await assert.rejects(manifest, { code: "corrupt" });
    const blob = await repository.getBlob(layer.digest);
    assert.ok(blob.ok);
    await assert.rejects(readAll(blob.value.stream), { code: "corrupt" });
  });
});

test("tags are read over all pages", async () => {
  await withRemote(tinyRegistry({ tagsPerPage: 2 }), async ({ repository }) => {
    for (const text of ["a", "b", "c", "d", "e"]) {
      await repository.putManifest(tag(text), image.manifest);
    }
    assert.deepEqual(await repository.listTags(), { ok: true, value: ["a", "b", "c", "d", "e"] });
  });
});

test("a list says null for none, and is refused when it is none or never ends", async () => {
  await withRemote(
    () => json({ repositories: null, tags: null }),
    async ({ remote, repository }) => {
      assert.deepEqual(await repository.listTags({ pageSize: 5 }), { ok: true, value: [] });
      assert.deepEqual(await remote.listRepositories(), { ok: true, value: [] });
    },
  );
  const bad: Answer[] = [
    json({}),
    json({ tags: ["../a"] }),
    { status: 200, body: "<html>" },
    { ...json({ tags: [] }), headers: { link: '</v2/library/a/tags/list>; rel="next"' } },
    { ...json({ tags: [] }), headers: { link: '<https://elsewhere.example/>; rel="next"' } },
  ];
  for (const answer of bad) {
    await withRemote(
      () => answer,
      async ({ repository }) => {
        await assert.rejects(repository.listTags(), { code: "protocol" });
      },
    );
  }
});

const credentials = { username: "alice", password: "secret" };
const basic = `Basic ${Buffer.from("alice:secret").toString("base64")}`;

test("Basic credentials are sent once asked for, and from then on at once", async () => {
  const handler: Handler = ({ headers }) =>
    headers.authorization === basic
      ? { status: 200, body: "{}" }
      : { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } };
  await withRemote(
    handler,
    async ({ remote, server }) => {
      assert.ok((await remote.ping()).ok);
      assert.ok((await remote.ping()).ok);
      assert.deepEqual(
        server.received.map((request) => request.headers.authorization ?? null),
        [null, basic, basic],
      );
    },
    { credentials },
  );
});

test("without credentials, or with wrong ones, a refusal is a value", async () => {
  const challenge = { "www-authenticate": 'Basic realm="r"' };
  const handler: Handler = () => ({ status: 401, headers: challenge, body: errorBody("denied") });
  for (const setting of [{}, { credentials }]) {
    await withRemote(
      handler,
      async ({ remote, server }) => {
        const pinged = await remote.ping();
        assert.ok(!pinged.ok && pinged.error.code === "unauthorized");
        assert.equal(server.received.length, "credentials" in setting ? 2 : 1);
      },
      setting,
    );
  }
});

/** A registry with a token service beside it. */
function guarded(registry: Handler, tokens: (query: URLSearchParams) => Answer): Handler {
  return (request) => {
    const url = new URL(request.target, `http://${request.headers.host}`);
    if (url.pathname === "/token") return tokens(url.searchParams);
    if (request.headers.authorization?.startsWith("Bearer good-")) return registry(request);
    const realm = `Bearer realm="${url.origin}/token",service="reg"`;
    return { status: 401, headers: { "www-authenticate": realm } };
  };
}

test("a token is fetched for the scope, with credentials, and kept while it lives", async () => {
  const asked: string[] = [];
  const handler = guarded(tinyRegistry(), (query) => {
    asked.push(`${query.get("service")} ${query.getAll("scope")} ${query.get("account")}`);
    return json({ token: `good-${asked.length}`, expires_in: 300 });
  });
  await withRemote(
    handler,
    async ({ repository, server }) => {
      await repository.putBlob(layer.digest, bytesSource(layer.bytes));
      await repository.headBlob(layer.digest);
      await repository.headBlob(layer.digest);
      assert.deepEqual(asked, [
        "reg repository:library/a:pull,push alice",
        "reg repository:library/a:pull alice",
      ]);
      const tokens = server.received.filter((request) => request.target.startsWith("/token"));
      for (const request of tokens) assert.equal(request.headers.authorization, basic);
    },
    { credentials },
  );
});

test("a token that has expired is renewed before it is refused", async () => {
  const world = createSimulatedWorld(2);
  let count = 0;
  const handler = guarded(tinyRegistry(), () => {
    count += 1;
    return json({ access_token: `good-${count}`, expires_in: 100 });
  });
  await withRemote(
    handler,
    async ({ repository }) => {
      await repository.headBlob(layer.digest);
      await world.runUntil(79_000);
      await repository.headBlob(layer.digest);
      assert.equal(count, 1);
      await world.runUntil(81_000);
      await repository.headBlob(layer.digest);
      assert.equal(count, 2);
    },
    { env: world.env },
  );
});

test("a token service that refuses is told apart, one that says nonsense is a fault", async () => {
  const refused = guarded(tinyRegistry(), () => ({ status: 401, body: errorBody("unauthorized") }));
  await withRemote(refused, async ({ repository }) => {
    const head = await repository.headBlob(layer.digest);
    assert.ok(!head.ok && head.error.code === "unauthorized");
    assert.match(head.error.message, /token service/);
  });
  for (const answer of [json({}), json({ token: "a b" }), json([]), { status: 200, body: "x" }]) {
    await withRemote(
      guarded(tinyRegistry(), () => answer),
      async ({ repository }) => {
        await assert.rejects(repository.headBlob(layer.digest), { code: "protocol" });
      },
    );
  }
});

test("a challenge without a usable realm is a fault, an unknown one a refusal", async () => {
  const challenged = (header: string): Handler => {
    return () => ({ status: 401, headers: { "www-authenticate": header } });
  };
  await withRemote(challenged('Bearer realm="file:///etc/passwd"'), async ({ remote }) => {
    await assert.rejects(remote.ping(), { code: "protocol" });
  });
  await withRemote(challenged("Negotiate"), async ({ remote }) => {
    const pinged = await remote.ping();
    assert.ok(!pinged.ok && pinged.error.code === "unauthorized");
  });
});

test("a redirect is followed without the credentials of the registry", async () => {
  const storage = await startServer(() => ({ status: 200, body: layer.bytes }));
  const handler: Handler = ({ headers }) => {
    if (headers.authorization === undefined) {
      return { status: 401, headers: { "www-authenticate": "Basic realm=r" } };
    }
    return { status: 307, headers: { location: new URL("/layer", storage.url).href } };
  };
  try {
    await withRemote(
      handler,
      async ({ repository }) => {
        const blob = await repository.getBlob(layer.digest);
        assert.ok(blob.ok && (await readAll(blob.value.stream)).equals(layer.bytes));
        assert.equal(storage.received[0]?.headers.authorization, undefined);
      },
      { credentials },
    );
  } finally {
    await storage.close();
  }
});

test("redirects in a circle and into the filesystem are faults", async () => {
  for (const location of ["/v2/", "file:///etc/passwd"]) {
    await withRemote(
      () => ({ status: 302, headers: { location } }),
      async ({ remote }) => {
        await assert.rejects(remote.ping(), { code: "protocol" });
      },
    );
  }
});

test("an upload's Location on another host gets no credentials", async () => {
  const storage = await startServer(() => ({ status: 201 }));
  const handler: Handler = ({ headers }) => {
    if (headers.authorization === undefined) {
      return { status: 401, headers: { "www-authenticate": "Basic realm=r" } };
    }
    return { status: 202, headers: { location: new URL("/put?a=b", storage.url).href } };
  };
  try {
    await withRemote(
      handler,
      async ({ repository }) => {
        assert.ok((await repository.putBlob(layer.digest, bytesSource(layer.bytes))).ok);
        const [put] = storage.received;
        assert.equal(put?.target, `/put?a=b&digest=${encodeURIComponent(layer.digest)}`);
        assert.equal(put?.headers.authorization, undefined);
        assert.equal(put?.body.length, layer.bytes.length);
      },
      { credentials },
    );
  } finally {
    await storage.close();
  }
});

test("what a status means is a word", async () => {
  const check = async (status: number, code: string) => {
    await withRemote(
      () => ({ status, headers: { "retry-after": "7" } }),
      async ({ remote }) => {
        const pinged = await remote.ping();
        assert.ok(!pinged.ok);
        assert.equal(pinged.error.code, code);
        assert.equal(pinged.error.retryAfterMs, 7000);
      },
    );
  };
  await check(403, "denied");
  await check(404, "not-found");
  await check(429, "too-many-requests");
  await check(400, "refused");
  await check(418, "refused");
});

test("a broken registry throws", async () => {
  for (const [status, code] of [
    [500, "server-error"],
    [503, "server-error"],
    [202, "protocol"],
  ] as const) {
    await withRemote(
      () => ({ status }),
      async ({ remote }) => {
        await assert.rejects(remote.ping(), { name: "IoError", code });
      },
    );
  }
  const { remote, url } = await closedServer();
  await assert.rejects(remote.ping(), { name: "IoError", code: "unreachable" }, url.href);
});

async function closedServer(): Promise<{ remote: Remote; url: URL }> {
  const server = await startServer(() => null);
  await server.close();
  const options = { registry: server.url, stallMs, connectionsMax: 1 };
  return { remote: createRemote(stillEnv(), { credentials: null }, options), url: server.url };
}

test("a registry that says nothing is given up after the stall time", async () => {
  const world = createSimulatedWorld(3);
  let reached = (): void => {};
  const arrival = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const silent: Handler = () => {
    reached();
    return null;
  };
  await withRemote(
    silent,
    async ({ remote }) => {
      const pinged = assert.rejects(remote.ping(), { name: "IoError", code: "stalled" });
      await arrival;
      await world.runUntil(stallMs);
      await pinged;
    },
    { env: world.env },
  );
});

test("a signal ends a request", async () => {
  const controller = new AbortController();
  const silent: Handler = () => {
    controller.abort();
    return null;
  };
  await withRemote(silent, async ({ remote }) => {
    await assert.rejects(remote.ping(controller.signal), { name: "AbortError" });
  });
});

test("an answer that breaks off, or is larger than a manifest may be, throws", async () => {
  const long = { "content-length": "9999999" };
  const short: Handler = () => ({ status: 200, headers: long, body: "{}", breaks: true });
  await withRemote(short, async ({ repository }) => {
    await assert.rejects(repository.getManifest(tag("v1")), { code: "interrupted" });
  });
  const huge: Handler = () => ({ status: 200, body: new Uint8Array(4 * 1024 * 1024 + 1) });
  await withRemote(huge, async ({ repository }) => {
    await assert.rejects(repository.getManifest(tag("v1")), { code: "too-large" });
  });
});
