// `npm run conformance`: the OCI conformance suite against a registry of its own, all optional parts
// on. The last line counts the suite's cases.

import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { interruptions, isInstalled } from "../clients/command.ts";
import { startSampan } from "../clients/registry-under-test.ts";
import { buildSuite, runSuite, type SuiteReport } from "./suite.ts";

const usage = `usage: npm run conformance -- [--require] [--report DIR]

  --require     fail when the suite cannot be built here (it needs Go 1.24), instead of skipping
  --report DIR  keep the suite's reports there; report.html shows every request
  --help        show this

Exit code 0: no case failed; 1: one did, or the suite could not run; 2: the command line is wrong.
`;

/** Where Go lies when it is in nobody's PATH. */
const goElsewhere = "/usr/local/go/bin/go";
const noGo = "Go is not installed, and the suite is built from its source";
const cache = resolve("node_modules", ".cache");

interface Options {
  readonly require: boolean;
  readonly report: string | null;
}

const options = readOptions();
const report = await conform(options).catch((error: unknown) => failed(words(error)));
for (const line of report.lines) console.log(line);
console.log(`${report.passed} passed, ${report.failed} failed, ${report.skipped} skipped`);
process.exitCode = report.failed === 0 ? 0 : 1;

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        require: { type: "boolean", default: false },
        report: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) exit(0, usage);
    return { require: values.require, report: values.report ?? null };
  } catch (error) {
    return exit(2, `${words(error)}\n${usage}`);
  }
}

async function conform(given: Options): Promise<SuiteReport> {
  const go = isInstalled("go") ? "go" : isInstalled(goElsewhere) ? goElsewhere : null;
  if (go === null) return given.require ? failed(noGo) : skipped(noGo);
  let program: string;
  try {
    program = await buildSuite(go, cache);
  } catch (error) {
    const why = `the suite could not be built: ${words(error)}`;
    return given.require ? failed(why) : skipped(why);
  }
  const folder = join(tmpdir(), `sampan-conformance-${process.pid}`);
  const reports = given.report === null ? join(folder, "reports") : resolve(given.report);
  await mkdir(folder, { recursive: true });
  await mkdir(reports, { recursive: true });
  // Whoever ends us ends the suite (command.ts), and so the run comes to its end and tidies up.
  for (const name of interruptions) process.on(name, () => {});
  try {
    const sampan = await startSampan(folder);
    try {
      const result = await runSuite(program, sampan, reports);
      if (result.failed > 0) console.log(`the end of Sampan's log:\n${sampan.lastWords()}`);
      return result;
    } finally {
      await sampan.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function failed(why: string): SuiteReport {
  return { passed: 0, failed: 1, skipped: 0, lines: [`FAIL ${why}`] };
}

function skipped(why: string): SuiteReport {
  return { passed: 0, failed: 0, skipped: 1, lines: [`skip ${why}`] };
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function exit(code: number, text: string): never {
  (code === 0 ? process.stdout : process.stderr).write(text);
  process.exit(code);
}
