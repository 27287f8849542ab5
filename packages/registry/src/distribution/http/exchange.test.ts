// A body over a real socket, under a clock of the test's.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { rateWindowMs } from "./body-pace.ts";
import { createChunkRelease } from "./chunk-release.ts";
import { Exchange } from "./exchange.ts";

const stream = { write: () => undefined };
const env = createNodeEnv({ service: "test", log: { level: "error", format: "json", stream } });

/** Sends `parts`, each when the one before it was taken and so many milliseconds went by. */
async function receive(
  context: TestContext,
  parts: readonly string[],
  msBetween: number,
): Promise<string> {
  let nowMs = 0;
  const clock = { ...env.clock, monotonic: () => nowMs };
  const server = createServer();
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => undefined);
  const bytes = parts.join("").length;
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n${parts[0]}`);
  const [request, response] = await once(server, "request");
  const exchange = new Exchange(request, response, {
    clock,
    originOf: () => "",
    chunks: createChunkRelease(),
    expectsContinue: false,
  });
  let text = "";
  let next = 1;
  const take = (chunk: Uint8Array): null => {
    text += Buffer.from(chunk).toString();
    nowMs += msBetween;
    socket.write(parts[next] ?? "");
    next += 1;
    return null;
  };
  await exchange.drain(take);
  return text;
}

test("a body that comes in time is received", async (context) => {
  assert.equal(await receive(context, ["ab", "cd", "ef"], 10_000), "abcdef");
});

test("a long body in small pieces comes whole, and the connection goes on behind it", async (context) => {
  const server = createServer((request, response) => {
    const chunks = createChunkRelease();
    const options = { clock: env.clock, originOf: () => "", chunks, expectsContinue: false };
    const exchange = new Exchange(request, response, options);
    let bytes = 0;
    const take = (chunk: Uint8Array): null => {
      bytes += chunk.byteLength;
      return null;
    };
    void exchange.drain(take).then(() => response.end(`got ${bytes}.`));
  });
  context.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const pieces = 100;
  const head = (connection: string): string =>
    `POST / HTTP/1.1\r\nHost: x\r\nConnection: ${connection}\r\nContent-Length: ${pieces * 20_000}\r\n\r\n`;
  for (const connection of ["keep-alive", "close"]) {
    socket.write(head(connection));
    for (let piece = 0; piece < pieces; piece += 1) {
      socket.write(Buffer.alloc(20_000));
      await env.clock.sleep(1);
    }
  }
  let answers = "";
  for await (const part of socket) answers += part;
  assert.equal(answers.match(/got 2000000\./g)?.length, 2);
});

test("a body that drips is given up as if it had stopped", async (context) => {
  const dripping = receive(context, ["a", "b", "c", "d"], rateWindowMs / 2);
  await assert.rejects(dripping, { code: "stalled" });
});
