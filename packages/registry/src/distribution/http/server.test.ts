// What a connection may carry: garbage behind a request, several requests at once, silence of ours
// and of the client's.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { computeDigest } from "@sampan/oci/model";
import { uploadBodiesPerUserMax } from "../create.ts";
import { worldTest } from "../testing/registry-world.ts";
import { clientAddressOf } from "./forwarding.ts";
import { createHttpServer } from "./server.ts";

const stream = { write: () => undefined };
const env = createNodeEnv({ service: "test", log: { level: "error", format: "json", stream } });

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** `stallMs`: short where a test is about silence. */
function serve(context: TestContext, handle: Handle, stallMs = 30_000): Promise<Server> {
  return listening(context, createHttpServer(env, { handle, isWorking: () => null }, { stallMs }));
}

async function listening(context: TestContext, server: Server): Promise<Server> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

interface Wire {
  readonly socket: Socket;
  /** What came until the server's end of the connection. */
  readonly received: Promise<string>;
}

function dial(server: Server, localAddress = "127.0.0.1"): Wire {
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: "127.0.0.1", port, localAddress });
  let text = "";
  socket.on("data", (part) => {
    text += part;
  });
  const received = new Promise<string>((resolve) => {
    socket.on("error", () => undefined).on("end", () => socket.end());
    socket.on("close", () => resolve(text));
  });
  return { socket, received };
}

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const garbage = "\0\0garbage\r\n\r\n";

test("garbage alone is told so, and so is garbage in a body", async (context) => {
  const server = await serve(context, (request) => request.resume());
  const alone = dial(server);
  alone.socket.write(garbage);
  assert.match(await alone.received, /^HTTP\/1\.1 400 Bad Request\r\n/);
  const within = dial(server);
  within.socket.write(get("/", "Transfer-Encoding: chunked\r\n") + garbage);
  await once(within.socket, "data");
  within.socket.destroy();
  assert.match(await within.received, /^HTTP\/1\.1 400 Bad Request\r\n/);
});

test("garbage behind a request cuts an answer under way, and adds nothing to it", async (context) => {
  const server = await serve(context, (_, response) => {
    response.writeHead(200, { "Content-Length": "100" });
    response.write("begun");
  });
  const wire = dial(server);
  wire.socket.write(get("/"));
  await once(wire.socket, "data");
  wire.socket.write(garbage);
  const received = await wire.received;
  assert.match(received, /^HTTP\/1\.1 200 OK\r\n/);
  assert.ok(received.endsWith("begun"), received);
});

test("garbage is no answer to the request before it", async (context) => {
  const server = await serve(context, () => undefined);
  const wire = dial(server);
  wire.socket.write(get("/") + garbage);
  assert.equal(await wire.received, "");
});

test("an answer may take longer than the stall time", async (context) => {
  const handle: Handle = (request, response) => {
    request.resume();
    let silences = 0;
    const onSilence = (): void => {
      silences += 1;
      if (silences < 3) return;
      server.off("timeout", onSilence);
      response.end("done");
    };
    server.on("timeout", onSilence);
  };
  const server = await serve(context, handle, 20);
  const wire = dial(server);
  wire.socket.write(get("/", "Connection: close\r\n"));
  assert.match(await wire.received, /done/);
});

test("a body that stops coming, and an answer that is not taken, are cut off", async (context) => {
  const handle: Handle = (request, response) => {
    request.resume();
    if (request.url === "/large") response.end(Buffer.alloc(32 * 1024 * 1024));
  };
  const server = await serve(context, handle, 100);
  const silent = dial(server);
  silent.socket.write(get("/", "Content-Length: 5\r\n"));
  assert.equal(await silent.received, "");
  const connected = once(server, "connection");
  const deaf = dial(server);
  const [served] = (await connected) as [Socket];
  deaf.socket.pause();
  deaf.socket.write(get("/large"));
  await once(served, "close");
  deaf.socket.destroy();
});

/** What a handler learns of a request that came from the address. */
async function seen(context: TestContext, remote: string, sent: string): Promise<string> {
  const handle: Handle = (request, response) => {
    const { url, headers } = request;
    const { host, "x-forwarded-host": forwarded = "", "x-forwarded-proto": proto = "" } = headers;
    response.end([url, host, forwarded, proto, clientAddressOf(request)].join(" "));
  };
  const trustedProxies = [
    { address: "10.0.0.0", bits: 8, family: "ipv4" },
    { address: "fd00::", bits: 8, family: "ipv6" },
  ] as const;
  const options = { stallMs: 30_000, trustedProxies };
  const server = await listening(
    context,
    createHttpServer(env, { handle, isWorking: () => null }, options),
  );
  server.prependListener("connection", (socket) => {
    Object.defineProperty(socket, "remoteAddress", { value: remote });
  });
  const wire = dial(server);
  wire.socket.write(sent);
  return (await wire.received).split("\r\n\r\n")[1] ?? "";
}

function check(remote: string, sent: string, expected: string): void {
  const name = `${remote} asks ${JSON.stringify(sent)}: ${expected}`;
  test(name, async (context) => {
    const head = `${sent}Connection: close\r\n\r\n`;
    assert.equal(await seen(context, remote, head), expected);
  });
}

const lines = (target: string, ...more: string[]) =>
  [`GET ${target} HTTP/1.1`, "Host: x", ...more, ""].join("\r\n");
const forwarded = [
  "X-Forwarded-Host: outside",
  "X-Forwarded-Proto: https",
  "X-Forwarded-For: 192.0.2.1",
];
for (const near of ["10.1.2.3", "fd00::1", "::ffff:10.0.0.1"]) {
  check(near, lines("/", ...forwarded), "/ x outside https 192.0.2.1");
  check(near, lines("/", "Forwarded: for=192.0.2.1;host=h;proto=https"), "/ x h https 192.0.2.1");
}
for (const far of ["203.0.113.9", "192.168.1.1", "127.0.0.1", "2001:db8::1"]) {
  check(far, lines("/", ...forwarded), `/ x   ${far}`);
  check(far, lines("/", "Forwarded: for=192.0.2.1;proto=https"), `/ x   ${far}`);
}
const self = "::1";
check(self, lines("/v2/?n=/"), `/v2/?n=/ x   ${self}`);
check(self, lines("http://y:1/v2/?n=http://z"), `/v2/?n=http://z y:1   ${self}`);
check(self, lines("HTTPS://y/v2/"), `/v2/ y   ${self}`);
check(self, lines("http://y"), `/ y   ${self}`);
check(self, lines("http://y?n"), `/?n y   ${self}`);
check(self, lines("ftp://y/v2/"), `ftp://y/v2/ x   ${self}`);

let beforeUpload: () => Promise<void> = async () => undefined;

worldTest(
  "a request behind one that takes its time does not make it look silent",
  {
    stallMs: 300,
    wrapBlobs: (blobs) => ({
      ...blobs,
      async create() {
        await beforeUpload();
        return await blobs.create();
      },
    }),
  },
  async (world) => {
    beforeUpload = async () => {
      for (let silences = 0; silences < 2; silences += 1) await once(world.server, "timeout");
    };
    const path = `/v2/library/app/blobs/uploads/?digest=${computeDigest(Buffer.from("0123"))}`;
    const { socket, received } = dial(world.server);
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n0123`);
    socket.write(get("/v2/", "Connection: close\r\n"));
    assert.match(await received, /^HTTP\/1\.1 201 .*HTTP\/1\.1 200 /s);
  },
);

worldTest("a page of another site cannot start an upload", {}, async (world) => {
  const path = "/v2/library/app/blobs/uploads/";
  for (const headers of [
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
  ]) {
    const answer = await world.expect(403, "POST", path, { headers });
    assert.match(answer.body.toString(), /"DENIED".*another site/);
  }
  await world.expect(202, "POST", path);
  await world.expect(202, "POST", path, { headers: { origin: world.origin } });
  await world.expect(200, "GET", "/v2/", { headers: { origin: "https://evil.example" } });
});

test("a head that comes too slowly is told so, and its connection is closed", async (context) => {
  const options = { stallMs: 30_000, headMs: 200 };
  const handler = { handle: () => assert.fail("no request came"), isWorking: () => null };
  const server = await listening(context, createHttpServer(env, handler, options));
  const wires = ["", "GET / HTTP/1.1\r\nHost: x\r\n"].map((sent) => {
    const wire = dial(server);
    wire.socket.write(sent);
    const drip = setInterval(() => wire.socket.write("X-A: b\r\n"), 50);
    wire.socket.on("close", () => clearInterval(drip));
    return wire;
  });
  for (const { received } of wires) assert.match(await received, /^(HTTP\/1\.1 40[08] .*)?/);
});

test("a head above 16 KiB is refused", async (context) => {
  const server = await serve(context, () => assert.fail("no request came"));
  const { socket, received } = dial(server);
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"a".repeat(17 * 1024)}\r\n\r\n`);
  assert.match(await received, /^HTTP\/1\.1 431 /);
});

worldTest("one client cannot hold all uploads, and others go on", {}, async (world) => {
  const body = Buffer.from("0123");
  const path = `/v2/library/app/blobs/uploads/?digest=${computeDigest(body)}`;
  const push = (localAddress: string, part: Buffer): Wire => {
    const wire = dial(world.server, localAddress);
    const head = `Host: x\r\nConnection: close\r\nContent-Length: ${body.byteLength}\r\n`;
    wire.socket.write(`POST ${path} HTTP/1.1\r\n${head}\r\n${part}`);
    return wire;
  };
  // One more than there are places: none of them ends by itself, so one is refused, whichever.
  const stalled = Array.from({ length: uploadBodiesPerUserMax + 1 }, () =>
    push("127.0.0.2", body.subarray(0, 1)),
  );
  const refused = await Promise.race(stalled.map(({ received }) => received));
  assert.match(refused, /^HTTP\/1\.1 429 /);
  assert.match(refused, /^Retry-After: 1\r$/m);
  assert.match(refused, /"TOOMANYREQUESTS"/);
  assert.match(await push("127.0.0.3", body).received, /^HTTP\/1\.1 201 /);
  for (const { socket } of stalled) socket.destroy();
  await Promise.all(stalled.map(({ received }) => received));
  let accepted = "";
  while (!accepted.startsWith("HTTP/1.1 201 ")) {
    accepted = await push("127.0.0.2", body).received;
  }
});
