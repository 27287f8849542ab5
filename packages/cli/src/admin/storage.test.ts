// `gc status` and `store check` against a scripted server.

import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { main } from "../main.ts";
import { startScriptedServer } from "../testing/scripted-server.ts";
import { createTestTerminal } from "../testing/terminal.ts";
import { binarySize } from "./sizes.ts";

const environment = { SAMPAN_PASSWORD: "secret-word" };
const none = { links: 0, blobs: 0, manifests: 0, bytes: 0, complete: true };

test("sizes are told in the largest unit that fits", () => {
  equal(binarySize(0), "0 B");
  equal(binarySize(1023), "1023 B");
  equal(binarySize(1536), "1.5 KiB");
  equal(binarySize(5 * 1024 ** 4), "5.0 TiB");
  equal(binarySize(5000 * 1024 ** 4), "5000.0 TiB");
});

test("gc status is a row for each stage", async (context) => {
  const oldest = "2026-11-25T01:02:03.456Z";
  const condemned = { links: 3, blobs: 2, manifests: 1, bytes: 2048, complete: false, oldest };
  const body = { grace_seconds: 7200, to_look_at: none, young: none, condemned };
  const server = await startScriptedServer(context, () => ({
    status: 200,
    body: JSON.stringify(body),
  }));
  const terminal = createTestTerminal({ environment });
  equal(await main(["gc", "status", "--url", server.url], terminal), 0);
  match(terminal.output(), /condemned +2\+ +1\+ +3\+ +2\.0 KiB\+ +2026-11-25T01:02:03Z\n/);
  match(terminal.output(), /young +0 +0 +0 +0 B +-\ngrace|grace time 7200 s/);
  const json = createTestTerminal({ environment });
  equal(await main(["gc", "status", "--json", "--url", server.url], json), 0);
  deepEqual(JSON.parse(json.output()), body);
});

test("store check goes on page by page and fails when something is damaged", async (context) => {
  const digest = `sha256:${"a".repeat(64)}`;
  const finding = { kind: "blob", digest, damage: "missing", detail: "nothing lies at ab/\u001b" };
  const server = await startScriptedServer(context, ({ path }) => {
    const isFirst = !path.includes("after=");
    const page = { checked: 1, bytes: 1024, findings: isFirst ? [] : [finding] };
    return { status: 200, body: JSON.stringify({ ...page, next: isFirst ? "a/b" : null }) };
  });
  const terminal = createTestTerminal({ environment });
  equal(await main(["store", "check", "--url", server.url], terminal), 1);
  equal(server.asked[1]?.path, "/api/v2.0/system/store/check?after=a%2Fb");
  equal(terminal.output(), `missing blob ${digest}: nothing lies at ab/\ufffd\n`);
  match(terminal.errors(), /1 blobs and manifests, 1\.0 KiB so far/);
  match(terminal.errors(), /2 blobs and manifests, 2\.0 KiB, 1 is damaged; push/);
});

test("store check of a sound store says so and exits with 0", async (context) => {
  const body = JSON.stringify({ checked: 2, bytes: 10, findings: [], next: null });
  const server = await startScriptedServer(context, () => ({ status: 200, body }));
  const terminal = createTestTerminal({ environment });
  equal(await main(["store", "check", "--url", server.url], terminal), 0);
  equal(terminal.output(), "all is well: 2 blobs and manifests, 10 B\n");
});
