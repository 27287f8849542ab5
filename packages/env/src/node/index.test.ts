import assert from "node:assert/strict";
import { test } from "node:test";
import { type EnvHarness, envConformance } from "../conformance.ts";
import type { Labels } from "../env.ts";
import { createNodeEnv, type LogFormat, type NodeEnv } from "./index.ts";

envConformance("node", createHarness);

function createHarness(): EnvHarness {
  const { env, lines } = recorded("json");
  return {
    env,
    drive: (promise) => promise,
    logged: () =>
      lines.map((line) => {
        const { level, time, service, msg, ...fields } = JSON.parse(line);
        assert.equal(service, "test");
        assert.ok(Date.parse(time) > 0);
        return { level, message: msg, fields };
      }),
    metric: async (name, labels) => metricOf(await env.renderMetrics(), name, labels),
  };
}

function recorded(format: LogFormat): { env: NodeEnv; lines: string[] } {
  const lines: string[] = [];
  const stream = { write: (text: string) => lines.push(text) };
  return {
    env: createNodeEnv({ service: "test", log: { level: "debug", format, stream } }),
    lines,
  };
}

function metricOf(text: string, name: string, labels: Labels): number | null {
  const inner = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const suffix = inner.length === 0 ? "" : `{${inner.join(",")}}`;
  for (const line of text.split("\n")) {
    for (const head of [`${name}${suffix} `, `${name}_count${suffix} `]) {
      if (line.startsWith(head)) return Number(line.slice(head.length));
    }
  }
  return null;
}

function check(log: (env: NodeEnv) => void, expected: RegExp): void {
  const { env, lines } = recorded("pretty");
  log(env);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", expected);
}

test("a pretty line is one line: time, level, message, fields", () => {
  const time = /^\[\d\d:\d\d:\d\d\.\d{3}\] /.source;
  check((env) => env.log.info("listening"), new RegExp(`${time}INFO: listening\n$`));
  check(
    (env) => env.log.warn("slow", { bytes: 7, name: "a b", path: "/v2/", on: true }),
    new RegExp(`${time}WARN: slow bytes=7 name="a b" path=/v2/ on=true\n$`),
  );
  check((env) => env.log.info("x", { text: "two\nlines" }), /x text="two\\nlines"\n$/);
  check((env) => env.log.mark("rare branch"), /DEBUG: rare branch mark=true\n$/);
});

test("a pretty line gives an error with its causes, without stacks", () => {
  const error = new Error("cannot write", { cause: new Error("disk full") });
  check((env) => env.log.error("failed", { error }), /failed error="cannot write: disk full"\n$/);
});

test("a JSON line keeps an error's stack", () => {
  const { env, lines } = recorded("json");
  env.log.error("failed", { error: new Error("boom") });
  const { error } = JSON.parse(lines[0] ?? "");
  assert.equal(error.message, "boom");
  assert.match(error.stack, /index\.test\.ts/);
});

test("fields that are named like secrets are not written", () => {
  for (const name of ["authorization", "password", "secret", "token"]) {
    const { env, lines } = recorded("json");
    env.log.info("x", { [name]: "hunter2" });
    assert.doesNotMatch(lines.join(""), /hunter2/);
  }
});

test("lines below the level are not written", () => {
  const lines: string[] = [];
  const stream = { write: (text: string) => lines.push(text) };
  const env = createNodeEnv({ service: "test", log: { level: "warn", format: "json", stream } });
  env.log.debug("no");
  env.log.info("no");
  env.log.mark("no");
  env.log.warn("yes");
  assert.equal(lines.length, 1);
});

test("two environments share no metric", async () => {
  const first = recorded("json").env;
  const second = recorded("json").env;
  first.metrics.counter("a_total", { help: "A." }).add();
  assert.match(await first.renderMetrics(), /a_total 1/);
  assert.doesNotMatch(await second.renderMetrics(), /a_total/);
});

test("buggify is always false", () => {
  const { env } = recorded("json");
  for (let asked = 0; asked < 1000; asked += 1) assert.equal(env.buggify("site"), false);
});
