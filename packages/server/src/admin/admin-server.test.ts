// What the admin port answers, and to whom.

import { equal, match } from "node:assert/strict";
import { request } from "node:http";
import { type TestContext, test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { type Listener, listen } from "../http/listener.ts";
import { createAdminServer } from "./admin-server.ts";
import type { Phase } from "./health.ts";

interface World {
  readonly listener: Listener;
  readonly state: { phase: Phase };
}

async function createWorld(context: TestContext, loopbackOnly = true): Promise<World> {
  const stream = { write: () => undefined };
  const env = createNodeEnv({ service: "test", log: { level: "error", format: "json", stream } });
  env.metrics.counter("sampan_test_total", { help: "Counts." }).add(3);
  const state: { phase: Phase } = { phase: "starting" };
  const deps = {
    health: { phase: () => state.phase },
    debug: () => [{ title: "A & B", rows: [["name", "<script>"]] as const }],
    refresh: async () => undefined,
  };
  const server = createAdminServer(env, deps, { loopbackOnly });
  const address = { host: "127.0.0.1", port: 0 };
  const listener = await listen(env, server, { address, flag: "--admin-listen" });
  if (!listener.ok) throw new Error(listener.error);
  context.after(() => listener.value.drain(0));
  return { listener: listener.value, state };
}

interface Question {
  readonly path: string;
  readonly method?: string;
  readonly host?: string;
}

function ask(world: World, { path, method = "GET", host = "localhost" }: Question) {
  const { port } = world.listener.address;
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = { host };
    const asking = request({ host: "127.0.0.1", port, path, method, headers, agent: false });
    asking.on("error", reject).on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asking.end();
  });
}

test("it is ready in one phase only, and alive unless it failed", async (context) => {
  const world = await createWorld(context);
  for (const phase of ["starting", "ready", "failed", "stopping"] as const) {
    world.state.phase = phase;
    const ready = await ask(world, { path: "/readyz" });
    equal(ready.status, phase === "ready" ? 200 : 503);
    equal(ready.text, `${phase}\n`);
    const alive = await ask(world, { path: "/healthz" });
    equal(alive.status, phase === "failed" ? 503 : 200);
  }
});

test("metrics come in Prometheus' format", async (context) => {
  const world = await createWorld(context);
  match((await ask(world, { path: "/metrics" })).text, /^sampan_test_total 3$/m);
});

test("a query and a whole URL lead to the same places", async (context) => {
  const world = await createWorld(context);
  world.state.phase = "ready";
  const { port } = world.listener.address;
  const foreign = `http://evil.example:${port}/metrics`;
  equal((await ask(world, { path: "/healthz?x" })).status, 200);
  equal((await ask(world, { path: "/metrics?x" })).status, 200);
  equal((await ask(world, { path: `http://localhost:${port}/readyz?x` })).status, 200);
  equal((await ask(world, { path: foreign })).status, 403);
});

test("the page of state shows what it is given as text", async (context) => {
  const world = await createWorld(context);
  const { text } = await ask(world, { path: "/debug?x" });
  match(text, /<h2>A &#38; B<\/h2>/);
  match(text, /<td>&#60;script&#62;<\/td>/);
});

test("there is nothing else, and nothing can be changed", async (context) => {
  const world = await createWorld(context);
  equal((await ask(world, { path: "/v2/" })).status, 404);
  equal((await ask(world, { path: "/metrics", method: "POST" })).status, 405);
  equal((await ask(world, { path: "/debug", method: "HEAD" })).text, "");
});

test("on loopback it answers only those who call it by a loopback name", async (context) => {
  const world = await createWorld(context);
  const status = async (host: string) => (await ask(world, { path: "/debug", host })).status;
  for (const host of ["localhost:8081", "127.0.0.1", "[::1]:8081", "LOCALHOST"]) {
    equal(await status(host), 200, host);
  }
  for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8081"]) {
    equal(await status(host), 403, host);
  }
  const trusted = await createWorld(context, false);
  equal((await ask(trusted, { path: "/debug", host: "sampan.svc:8081" })).status, 200);
});
