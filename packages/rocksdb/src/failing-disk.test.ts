import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { runScenario } from "./testing/processes.ts";
import { withDirectory } from "./testing/world.ts";

const source = fileURLToPath(new URL("../native/testing/failing-disk.c", import.meta.url));

async function buildFailingDisk(directory: string): Promise<string> {
  const library = join(directory, "failing-disk.so");
  const flags = ["-x", "c", "-shared", "-fPIC", "-Wall", "-Wextra", "-o", library];
  // Without the preloads of a sanitized run: the compiler is not what is tested.
  const env = { ...process.env, LD_PRELOAD: "" };
  await promisify(execFile)("g++", [...flags, source, "-ldl"], { env });
  return library;
}

function check(scenario: string, code: string): void {
  test(`${scenario} is ${code}: refused from there on, until it is opened again`, () =>
    withDirectory(async (directory) => {
      const preload = [process.env["LD_PRELOAD"], await buildFailingDisk(directory)];
      const ended = await runScenario(scenario, directory, {
        environment: {
          LD_PRELOAD: preload.filter((library) => library !== undefined).join(" "),
          FAILING_DISK: join(directory, "failing"),
        },
      });
      assert.deepEqual(
        ended.findings,
        [
          {
            before: "written",
            failing: [code, code],
            later: code,
            read: "1",
            reopened: "written",
            kept: "1",
          },
        ],
        ended.errors,
      );
    }));
}

check("no space for a write", "disk-full");
check("no space for a synced write", "disk-full");
check("a write that fails", "io");
check("a sync that fails", "io");
