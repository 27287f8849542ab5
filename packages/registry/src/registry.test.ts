// The registry as one: what answers where, who may, how it stops.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { openEmbeddedStore } from "@sampan/kv/embedded";
import { createMemoryEngine } from "@sampan/kv/engine/memory";
import { computeDigest } from "@sampan/oci/model";
import { createMemoryBlobs } from "./blobs/memory.ts";
import {
  createHttpClient,
  errorCodes,
  type HttpClient,
  jsonOf,
} from "./distribution/testing/http-client.ts";
import { createHttpServer, createRegistry, initialise } from "./registry.ts";

const password = "correct-horse-1";
const trustedProxies = [{ address: "127.0.0.1", bits: 32, family: "ipv4" }] as const;

interface Scene extends HttpClient {
  readonly origin: string;
  readonly server: Server;
  readonly stop: () => Promise<void>;
  /** What was logged. */
  readonly lines: readonly string[];
}

function check(
  name: string,
  auth: "password" | "none",
  body: (scene: Scene) => Promise<void>,
): void {
  test(name, async () => {
    const lines: string[] = [];
    const stream = { write: (line: string) => void lines.push(line) };
    const env = createNodeEnv({ service: "test", log: { level: "info", format: "json", stream } });
    const store = await openEmbeddedStore(env, { engine: createMemoryEngine(env, {}) }, {});
    assert.ok((await initialise(env, store, { adminPassword: password })).ok);
    const registry = createRegistry(
      env,
      { store, blobs: createMemoryBlobs(env) },
      {
        version: "1.2.3",
        externalUrl: null,
        auth,
        uploadExpiryMs: 60_000,
        graceMs: 60_000,
        instance: "test",
        hashWorkers: 0,
      },
    );
    await registry.ready();
    const server = createHttpServer(env, registry, { stallMs: 30_000, trustedProxies });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const end = new AbortController();
    const running = registry.run(end.signal);
    const { port } = server.address() as AddressInfo;
    let closed: Promise<unknown> | null = null;
    const stop = async (): Promise<void> => {
      closed ??= new Promise((resolve) => server.close(resolve));
      await closed;
    };
    try {
      const origin = `http://127.0.0.1:${port}`;
      await body({ ...createHttpClient(port), origin, server, stop, lines });
    } finally {
      server.closeAllConnections();
      await stop();
      end.abort();
      await running;
      await registry.close();
      await store.close();
    }
  });
}

const basic = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;

check("docker's login: a challenge, a token for it, and in", "password", async (scene) => {
  const challenged = await scene.send("GET", "/v2/");
  assert.equal(challenged.status, 401);
  assert.deepEqual(errorCodes(challenged), ["UNAUTHORIZED"]);
  const challenge = String(challenged.headers["www-authenticate"]);
  const realm = /^Bearer realm="([^"]+)"/.exec(challenge)?.[1] ?? "";
  assert.equal(realm, `${scene.origin}/service/token`);
  const service = /service="([^"]+)"/.exec(challenge)?.[1] ?? "";
  const scope = "repository:library/app:pull,push";
  const asked = `${realm}?service=${service}&scope=${scope}`;
  const granted = await scene.send("GET", asked, { headers: { authorization: basic } });
  assert.equal(granted.status, 200, granted.body.toString());
  const { token } = jsonOf(granted) as { token: string };
  const headers = { authorization: `Bearer ${token}` };
  const bytes = Buffer.from("x");
  const path = `/v2/library/app/blobs/uploads/?digest=${computeDigest(bytes)}`;
  assert.equal((await scene.send("POST", path, { headers, body: bytes })).status, 201);
  const elsewhere = await scene.send("POST", path.replace("/app/", "/other/"), {
    headers,
    body: bytes,
  });
  assert.ok(elsewhere.status === 401 || elsewhere.status === 403, `${elsewhere.status}`);
});

check(
  "without the right no byte is taken, with a wrong password neither",
  "password",
  async (s) => {
    const digest = computeDigest(Buffer.from("x"));
    const path = `/v2/library/app/blobs/uploads/?digest=${digest}`;
    assert.equal((await s.send("POST", path, { body: "x" })).status, 401);
    const wrong = `Basic ${Buffer.from("admin:wrong-password").toString("base64")}`;
    const headers = { authorization: wrong };
    assert.equal((await s.send("POST", path, { headers, body: "x" })).status, 401);
    const blob = `/v2/library/app/blobs/${digest}`;
    assert.equal((await s.send("HEAD", blob, { headers: { authorization: basic } })).status, 404);
  },
);

check(
  "a public project is pulled with an anonymous token, not pushed to",
  "password",
  async (s) => {
    const bytes = Buffer.from("public");
    const digest = computeDigest(bytes);
    const post = `/v2/library/app/blobs/uploads/?digest=${digest}`;
    const pushed = await s.send("POST", post, { headers: { authorization: basic }, body: bytes });
    assert.equal(pushed.status, 201);
    const scope = "repository:library/app:pull,push";
    const granted = await s.send("GET", `/service/token?service=harbor-registry&scope=${scope}`);
    const { token } = jsonOf(granted) as { token: string };
    const headers = { authorization: `Bearer ${token}` };
    const pulled = await s.send("GET", `/v2/library/app/blobs/${digest}`, { headers });
    assert.deepEqual(pulled.body, bytes);
    const refused = await s.send("POST", post, { headers, body: bytes });
    assert.ok(refused.status === 401 || refused.status === 403);
  },
);

check("without authentication everyone is in", "none", async (scene) => {
  const bytes = Buffer.from("x");
  const path = `/v2/library/app/blobs/uploads/?digest=${computeDigest(bytes)}`;
  assert.equal((await scene.send("POST", path, { body: bytes })).status, 201);
  assert.equal((await scene.send("GET", "/v2/_catalog")).status, 200);
});

check("the management API answers beside it, and a page for people", "password", async (scene) => {
  assert.equal((await scene.send("GET", "/api/v2.0/ping")).body.toString(), "Pong");
  const page = await scene.send("GET", "/");
  assert.equal(page.status, 200);
  assert.match(String(page.headers["content-type"]), /text\/html/);
  assert.match(page.body.toString(), /docker login 127\.0\.0\.1:/);
  assert.equal((await scene.send("HEAD", "/")).body.byteLength, 0);
  const posted = await scene.send("POST", "/");
  assert.deepEqual([posted.status, posted.headers.allow], [405, "GET, HEAD"]);
  const nothing = await scene.send("GET", "/nothing");
  assert.equal(nothing.status, 404);
  assert.deepEqual(errorCodes(nothing), ["NOT_FOUND"]);
});

check("a query and a whole URL lead where the path does", "password", async (scene) => {
  for (const path of ["/v2", "/v2/"]) {
    for (const sent of [path, `${path}?ns=x`]) {
      assert.equal((await scene.send("GET", sent)).status, 401, sent);
    }
  }
  assert.equal((await scene.send("GET", "/?x")).status, 200);
  const socket = await scene.connect();
  const ask = async (target: string): Promise<string> => {
    socket.write(`GET ${target} HTTP/1.1\r\nhost: x\r\n\r\n`);
    const [part] = await once(socket, "data");
    return String(part);
  };
  const challenged = await ask("http://registry.example/v2/");
  assert.match(challenged, /^HTTP\/1\.1 401 /);
  assert.match(challenged, /realm="http:\/\/registry\.example\/service\/token"/);
  assert.match(await ask("http://registry.example/api/v2.0/ping"), /^HTTP\/1\.1 200 /);
  socket.destroy();
});

check("the page shows a host only where it is one", "none", async (scene) => {
  const headers = { host: 'x"><script>' };
  const page = await scene.send("GET", "/", { headers });
  assert.doesNotMatch(page.body.toString(), /script/);
});

check("a stop lets what is under way end, and its connection with it", "none", async (scene) => {
  const bytes = Buffer.from("0123");
  const socket = await scene.connect();
  const head = `PUT /v2/library/app/blobs/uploads/ HTTP/1.1\r\nhost: x\r\n\r\n`;
  socket.write(head);
  await once(socket, "data");
  const begun = await scene.send("POST", "/v2/library/app/blobs/uploads/");
  const path = String(begun.headers.location).slice(scene.origin.length);
  const put = `PUT ${path}?digest=${computeDigest(bytes)} HTTP/1.1\r\nhost: x\r\n`;
  socket.write(`${put}content-length: 4\r\nexpect: 100-continue\r\n\r\n`);
  await once(socket, "data");
  const stopping = scene.stop();
  let answer = "";
  socket.on("data", (part) => {
    answer += part;
  });
  socket.write(bytes);
  while (!answer.endsWith("\r\n\r\n")) await once(socket, "data");
  assert.match(answer, /^HTTP\/1.1 201 /);
  scene.server.closeIdleConnections();
  await once(socket, "end");
  await stopping;
});

check("wrong passwords are counted to the client that a proxy names", "password", async (s) => {
  const wrong = (user: string) => `Basic ${Buffer.from(`${user}:wrong-word`).toString("base64")}`;
  const forwarded = {
    "x-forwarded-proto": "https",
    "x-forwarded-host": "registry.example.com",
  };
  const challenged = await s.send("GET", "/v2/", { headers: forwarded });
  const challenge = String(challenged.headers["www-authenticate"]);
  assert.match(challenge, /realm="https:\/\/registry\.example\.com\/service\/token"/);
  for (const [path, client] of [
    ["/v2/", "192.0.2.1"],
    ["/service/token", "192.0.2.2"],
  ] as const) {
    const headers = { ...forwarded, "x-forwarded-for": `::1, ${client}` };
    const authorization = wrong(path.slice(1, 3));
    const answer = await s.send("GET", path, { headers: { ...headers, authorization } });
    assert.equal(answer.status, 401);
  }
  const clients = s.lines.flatMap((line) => /"client":"([^"]*)"/.exec(line)?.[1] ?? []);
  assert.deepEqual(clients, ["192.0.2.1", "192.0.2.2"]);
});
