// The real process: signals, exit codes, and pipes whose reader has gone.

import { equal, match } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./process.ts", import.meta.url));

function start(argv: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  // The loader of TypeScript, without what belongs to the test runner.
  const loader = process.execArgv.filter((argument) => !argument.startsWith("--test"));
  const { PATH = "", HOME = "" } = process.env;
  return spawn(process.execPath, [...loader, program, ...argv], {
    env: { PATH, HOME, ...environment },
  });
}

async function startServer(context: TestContext): Promise<ChildProcess> {
  const directory = await mkdtemp(join(tmpdir(), "sampan-process-"));
  const child = start(["up"], {
    SAMPAN_DATA: join(directory, "data"),
    SAMPAN_LISTEN: "127.0.0.1:0",
    SAMPAN_ADMIN_LISTEN: "off",
  });
  context.after(async () => {
    if (child.kill("SIGKILL")) await once(child, "exit");
    await rm(directory, { recursive: true });
  });
  child.stdout.resume();
  for await (const line of createInterface({ input: child.stderr })) {
    if (JSON.parse(line).msg === "ready") break;
  }
  child.stderr.resume();
  return child;
}

test("SIGTERM stops the server in order", async (context) => {
  const child = await startServer(context);
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  equal((await exited)[0], 0);
});

test("Ctrl-C that arrives twice, from the terminal and from npm, counts once", async (context) => {
  const child = await startServer(context);
  const exited = once(child, "exit");
  child.kill("SIGINT");
  child.kill("SIGINT");
  equal((await exited)[0], 0);
});

test("a failure goes to standard error and into the exit code", async () => {
  const child = start(["up", "--listen", "8080"]);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  equal((await once(child, "close"))[0], 2);
  match(errors, /^sampan: --listen: "8080" is no address; [^\n]+\n$/);
});

test("a reader of a pipe that has seen enough is no failure", async () => {
  const child = start(["version"]);
  child.stdout.destroy();
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  equal((await once(child, "close"))[0], 0);
  equal(errors, "");
});
