// What `sampan project list` shows of what a server said.

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { main } from "../main.ts";
import { startScriptedServer } from "../testing/scripted-server.ts";
import { createTestTerminal } from "../testing/terminal.ts";

test("projects are columns, with times as people read them", async (context) => {
  const body = JSON.stringify([
    {
      name: "team-a",
      metadata: { public: "false" },
      repo_count: 12,
      creation_time: "2026-03-01T09:08:07.006Z",
    },
    { name: "base", metadata: { public: "true" }, creation_time: "2026-03-01T09:08:07+01:00" },
  ]);
  const { url } = await startScriptedServer(context, () => ({ status: 200, body }));
  const terminal = createTestTerminal();
  equal(await main(["project", "list", "--url", url], terminal), 0);
  equal(
    terminal.output(),
    "NAME     ACCESS    REPOSITORIES   CREATED\n" +
      "team-a   private   12             2026-03-01T09:08:07Z\n" +
      "base     public    -              2026-03-01T09:08:07+01:00\n",
  );
});

test("no projects are said beside the results, and are an empty list as JSON", async (context) => {
  const { url } = await startScriptedServer(context, () => ({ status: 200, body: "[]" }));
  const check = async (argv: readonly string[], out: string, err: string) => {
    const environment = { SAMPAN_URL: url };
    const terminal = createTestTerminal({ environment });
    equal(await main(["project", "list", ...argv], terminal), 0);
    deepEqual([terminal.output(), terminal.errors()], [out, err]);
  };
  await check([], "", `sampan: no projects at ${url} that anonymous may see\n`);
  await check(["--json"], "[]\n", "");
});
