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

test("a body that drips is given up as if it had stopped", async (context) => {
  const dripping = receive(context, ["a", "b", "c", "d"], rateWindowMs / 2);
  await assert.rejects(dripping, { code: "stalled" });
});
