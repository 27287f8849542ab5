// A certificate that is replaced while the server runs, well and badly; and what the TLS port
// speaks.

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { Server } from "node:https";
import { type AddressInfo, connect as connectBare, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { createNodeEnv } from "@sampan/env/node";
import { createHttpsServer, type HttpHandler, type KeyPair } from "@sampan/registry";
import { createCertificateReload } from "./certificate-reload.ts";
import { type Listener, listen } from "./listener.ts";
import { makeKeyPair } from "./testing/certificate.ts";

const first = makeKeyPair({ name: "first.test" });
const second = makeKeyPair({ name: "second.test" });

/** Says the scheme that clients use. */
const handler: HttpHandler = {
  handle: (request, response) => response.end(`over ${request.headers["x-forwarded-proto"]}`),
  isWorking: () => null,
};

class World {
  readonly lines: string[] = [];
  readonly env = createNodeEnv({
    service: "test",
    log: { level: "info", format: "json", stream: { write: (line) => this.lines.push(line) } },
  });
  readonly server: Server;
  readonly files: { readonly certificate: string; readonly key: string };
  listener: Listener | null = null;

  constructor(directory: string, options: { readonly handshakeMs?: number }) {
    this.files = { certificate: join(directory, "tls.crt"), key: join(directory, "tls.key") };
    this.server = createHttpsServer(this.env, handler, {
      stallMs: 30_000,
      tls: first,
      ...options,
    });
  }

  async write({ certificate, key }: KeyPair): Promise<void> {
    await writeFile(this.files.certificate, certificate);
    await writeFile(this.files.key, key);
  }

  reload() {
    return createCertificateReload(this.env, { ...this, pair: first });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** A handshake; the certificate is looked at by the test alone. */
  async shake(more: ConnectionOptions = {}): Promise<TLSSocket> {
    const { port } = this;
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...more });
    await once(socket, "secureConnect");
    return socket;
  }

  async served(): Promise<string> {
    const socket = await this.shake();
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(CN);
  }
}

async function start(
  context: TestContext,
  options: { readonly handshakeMs?: number } = {},
): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), "sampan-tls-"));
  const world = new World(directory, options);
  await world.write(first);
  const address = { host: "127.0.0.1", port: 0 };
  const listener = await listen(world.env, world.server, { address, flag: "--listen" });
  if (!listener.ok) throw new Error(listener.error);
  world.listener = listener.value;
  context.after(async () => {
    world.server.closeAllConnections();
    world.server.close();
    await rm(directory, { recursive: true });
  });
  return world;
}

test("a new pair is served to new connections, while the open ones go on", async (context) => {
  const world = await start(context);
  const open = await world.shake();
  await world.write(second);
  await world.reload().reload();
  equal(await world.served(), "second.test");
  open.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  match(String((await once(open, "data"))[0]), /^HTTP\/1\.1 200 /);
  open.destroy();
  match(world.lines.join(""), /a new TLS certificate is in use/);
});

test("a pair that does not fit keeps the old one, and is told once", async (context) => {
  const world = await start(context);
  const reload = world.reload();
  await writeFile(world.files.certificate, second.certificate);
  await reload.reload();
  await reload.reload();
  equal(await world.served(), "first.test");
  equal(world.lines.filter((line) => line.includes("old TLS certificate stays")).length, 1);
  await writeFile(world.files.key, second.key);
  await reload.reload();
  equal(await world.served(), "second.test");
});

test("an expired certificate is taken into use with a warning", async (context) => {
  const world = await start(context);
  await world.write(makeKeyPair({ name: "old.test", years: [2010, 2011] }));
  await world.reload().reload();
  equal(await world.served(), "old.test");
  match(world.lines.join(""), /the TLS certificate of CN=old.test expired on/);
});

test("a change of the files is seen without being told", async (context) => {
  const world = await start(context);
  const stopping = new AbortController();
  const running = world.reload().run(stopping.signal);
  await world.write(second);
  while ((await world.served()) !== "second.test") await world.env.clock.sleep(50);
  stopping.abort();
  await running;
});

test("the port speaks HTTP/1.1 over TLS 1.2 and 1.3, and nothing else", async (context) => {
  const world = await start(context);
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const socket = await world.shake({
      minVersion: version,
      maxVersion: version,
      ALPNProtocols: ["h2", "http/1.1"],
    });
    deepEqual([socket.getProtocol(), socket.alpnProtocol], [version, "http/1.1"]);
    socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    match(String((await once(socket, "data"))[0]), /over https$/);
    socket.destroy();
  }
  const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" } as const;
  await rejects(world.shake(old), { code: /SSL|ECONNRESET/ });
  const bare = connectBare(world.port, "127.0.0.1");
  bare.on("error", () => undefined).write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(bare, "close");
});

test("a handshake that is never ended is not waited for at the end", async (context) => {
  const world = await start(context);
  const connected = once(world.server, "connection");
  const bare = connectBare(world.port, "127.0.0.1").on("error", () => undefined);
  await connected;
  const closed = once(bare as Socket, "close");
  await world.listener?.drain(5_000);
  await closed;
  deepEqual(
    world.lines.filter((line) => line.includes("were cut")),
    [],
  );
});

test("a client that is silent instead of shaking hands is cut off", async (context) => {
  const world = await start(context, { handshakeMs: 50 });
  const bare = connectBare(world.port, "127.0.0.1").on("error", () => undefined);
  await once(bare.resume(), "close");
  equal(await world.served(), "first.test");
});
