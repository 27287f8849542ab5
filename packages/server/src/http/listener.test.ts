// Addresses that cannot be had, and the end of a listener with requests under way.

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, get, type IncomingMessage, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { type Listener, listen } from "./listener.ts";

const env = (lines: string[]) => {
  const stream = { write: (line: string) => lines.push(line) };
  return createNodeEnv({ service: "test", log: { level: "warn", format: "json", stream } });
};
const free = { host: "127.0.0.1", port: 0 };

/** `lines` gets what is logged. */
async function start(
  context: TestContext,
  server: Server,
  lines: string[] = [],
): Promise<Listener> {
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const listener = await listen(env(lines), server, { address: free, flag: "--listen" });
  if (!listener.ok) throw new Error(listener.error);
  return listener.value;
}

function ask(listener: Listener, agent?: Agent): Promise<IncomingMessage> {
  const { port } = listener.address;
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, ...(agent ? { agent } : {}) }, resolve).on("error", reject);
  });
}

test("a free port is known once it is taken", async (context) => {
  const server = createServer((_, response) => response.end("hello"));
  const listener = await start(context, server);
  equal(listener.address.port > 0, true);
  (await ask(listener)).resume();
});

test("an address that cannot be had is told, with the flag that matters", async (context) => {
  const refusal = async (host: string, port: number) => {
    const server = createServer();
    const result = await listen(env([]), server, { address: { host, port }, flag: "--listen" });
    return result.ok ? "" : result.error;
  };
  const taken = (await start(context, createServer())).address.port;
  match(await refusal("127.0.0.1", taken), /is in use by another program; .* with --listen$/);
  match(await refusal("192.0.2.1", 0), /192.0.2.1:0 is no address of this machine; .*--listen$/);
  match(await refusal("nowhere.invalid", 0), /nowhere.invalid cannot be resolved; .*--listen$/);
});

test("a request under way is finished, idle connections are not waited for", async (context) => {
  let finish = (): void => undefined;
  const server = createServer((request, response) => {
    if (request.url === "/") finish = () => response.end("done");
  });
  const listener = await start(context, server);
  const agent = new Agent({ keepAlive: true });
  context.after(() => agent.destroy());
  const answering = ask(listener, agent);
  await new Promise((resolve) => server.once("request", resolve));

  const drained = listener.drain(60_000);
  await rejects(ask(listener), { code: "ECONNREFUSED" });
  finish();
  const response = await answering;
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += chunk;
  equal(text, "done");
  await drained;
});

test("connections that asked for nothing are not waited for", async (context) => {
  const server = createServer((_, response) => response.end("hello"));
  const lines: string[] = [];
  const listener = await start(context, server, lines);
  const closed: Promise<unknown>[] = [];
  for (const sent of ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"]) {
    const connected = once(server, "connection");
    const socket = connect(listener.address.port, "127.0.0.1");
    closed.push(new Promise((resolve) => socket.on("error", () => undefined).on("close", resolve)));
    const [served] = (await connected) as [Socket];
    socket.resume().write(sent);
    while (served.bytesRead < sent.length) await new Promise((resolve) => setImmediate(resolve));
  }
  await listener.drain(5_000);
  await Promise.all(closed);
  deepEqual(lines, []);
});

test("a request that does not finish in time is cut", async (context) => {
  const server = createServer(() => undefined);
  const listener = await start(context, server);
  const answering = ask(listener);
  await new Promise((resolve) => server.once("request", resolve));
  const cut = rejects(answering, { code: "ECONNRESET" });
  await listener.drain(0);
  await cut;
});
