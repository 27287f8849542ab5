// How many connections one client may have, and all of them. Real sockets, told apart by their
// own address on loopback.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { createHttpServer, type HttpServerOptions } from "./server.ts";

const stream = { write: () => undefined };
const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

class World {
  readonly #port: number;
  readonly #sockets: Socket[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** A connection from the address, kept open; whether a request on it is answered. */
  async dial(localAddress: string): Promise<boolean> {
    const socket = connect({ port: this.#port, host: "127.0.0.1", localAddress });
    this.#sockets.push(socket);
    socket.on("error", () => undefined).write(get);
    return await Promise.race([
      once(socket, "data").then(() => true),
      once(socket, "close").then(() => false),
    ]);
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The oldest of them. */
  async hangUp(): Promise<void> {
    const socket = this.#sockets.shift();
    socket?.end();
    if (socket !== undefined) await once(socket.resume(), "close");
  }
}

async function start(context: TestContext, limits: Partial<HttpServerOptions>): Promise<World> {
  const env = createNodeEnv({ service: "test", log: { level: "error", format: "json", stream } });
  const server = createHttpServer(
    env,
    { handle: (_, response) => response.end("hello"), isWorking: () => null },
    { stallMs: 30_000, ...limits },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const world = new World((server.address() as AddressInfo).port);
  context.after(() => {
    world.destroy();
    server.closeAllConnections();
    server.close();
  });
  return world;
}

test("a client has so many connections, and others have theirs beside it", async (context) => {
  const world = await start(context, { connectionsPerAddressMax: 2 });
  assert.equal(await world.dial("127.0.0.2"), true);
  assert.equal(await world.dial("127.0.0.2"), true);
  assert.equal(await world.dial("127.0.0.2"), false);
  assert.equal(await world.dial("127.0.0.3"), true);
  await world.hangUp();
  assert.equal(await world.dial("127.0.0.2"), true);
  assert.equal(await world.dial("127.0.0.2"), false);
});

test("a trusted proxy stands for many clients", async (context) => {
  const proxy = { address: "127.0.0.2", bits: 32, family: "ipv4" } as const;
  const limits = { connectionsPerAddressMax: 1, connectionsMax: 3, trustedProxies: [proxy] };
  const world = await start(context, limits);
  for (let n = 0; n < 3; n += 1) assert.equal(await world.dial("127.0.0.2"), true);
  assert.equal(await world.dial("127.0.0.2"), false);
});
