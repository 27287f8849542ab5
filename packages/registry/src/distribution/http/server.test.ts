// What a connection may carry: garbage behind a request, several requests at once, silence of ours
// and of the client's.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { computeDigest } from "@sampan/oci/model";
import { worldTest } from "../testing/registry-world.ts";
import { createHttpServer } from "./server.ts";

const stream = { write: () => undefined };
const env = createNodeEnv({ service: "test", log: { level: "error", format: "json", stream } });

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** `stallMs`: short where a test is about silence. */
async function serve(context: TestContext, handle: Handle, stallMs = 30_000): Promise<Server> {
  const server = createHttpServer(env, { handle, isWorking: () => null }, { stallMs });
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

function dial(server: Server): Wire {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
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
  const server = await serve(context, ({ url, headers }, response) => {
    const { host, "x-forwarded-host": forwarded = "", "x-forwarded-proto": proto = "" } = headers;
    response.end([url, host, forwarded, proto].join(" "));
  });
  server.prependListener("connection", (socket) => {
    Object.defineProperty(socket, "remoteAddress", { value: remote });
  });
  const wire = dial(server);
  wire.socket.write(sent);
  return (await wire.received).split("\r\n\r\n")[1] ?? "";
}

function check(remote: string, sent: string, expected: string): void {
  const name = `${remote} asks ${JSON.stringify(sent.split("\r\n", 1)[0])}: ${expected}`;
  test(name, async (context) => {
    const head = `${sent}Connection: close\r\n\r\n`;
    assert.equal(await seen(context, remote, head), expected);
  });
}

const forwarded = "X-Forwarded-Host: outside\r\nX-Forwarded-Proto: https\r\n";
const plain = `GET / HTTP/1.1\r\nHost: x\r\n${forwarded}`;
for (const near of [
  "127.0.0.1",
  "::1",
  "10.1.2.3",
  "172.31.0.1",
  "192.168.1.1",
  "100.64.0.1",
  "169.254.1.1",
  "fd00::1",
  "fe80::1",
  "::ffff:10.0.0.1",
]) {
  check(near, plain, "/ x outside https");
}
for (const far of ["203.0.113.9", "172.32.0.1", "2001:db8::1", "::ffff:203.0.113.9", ""]) {
  check(far, plain, "/ x  ");
}
const lines = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\n`;
check("::1", lines("/v2/?n=/"), "/v2/?n=/ x  ");
check("::1", lines("http://y:1/v2/?n=http://z"), "/v2/?n=http://z y:1  ");
check("::1", lines("HTTPS://y/v2/"), "/v2/ y  ");
check("::1", lines("http://y"), "/ y  ");
check("::1", lines("http://y?n"), "/?n y  ");
check("::1", lines("ftp://y/v2/"), "ftp://y/v2/ x  ");

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
