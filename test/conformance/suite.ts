// The OCI conformance suite: built from its Go module at a pinned version, run against a registry,
// its report read. What it calls Pass, FAIL, Error and Skip is counted as it counts.

import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { run, tryRun } from "../clients/command.ts";
import type { RegistryUnderTest } from "../clients/registry-under-test.ts";

/** Of the distribution-spec's main branch: the cases of 1.1 and of what 1.2 adds. */
const suiteVersion = "v0.0.0-20260831232431-97274622c111";
const suiteModule = "github.com/opencontainers/distribution-spec/conformance";
const buildTimeoutMs = 300_000;
const runTimeoutMs = 300_000;

/**
 * What the suite leaves out by default, which we do. Sparse manifests are not among it: a manifest
 * that names what is missing is refused, as the specification allows (end-7) and Harbor does.
 */
const optionalParts = {
  OCI_API_BLOBS_DIGEST_HEADER: "true",
  OCI_API_BLOBS_MOUNT_ANONYMOUS: "true",
  OCI_API_BLOBS_UPLOAD_CANCEL: "true",
  OCI_API_MANIFESTS_DIGEST_HEADER: "true",
  OCI_API_MANIFESTS_TAG_PARAM: "true",
  OCI_DATA_SHA512: "true",
} as const;

/** The path of the built suite; built into `cache` once for each version. */
export async function buildSuite(go: string, cache: string): Promise<string> {
  const folder = join(cache, `oci-conformance-${suiteVersion}`);
  const program = join(folder, "conformance");
  if (existsSync(program)) return program;
  const building = `${folder}-${process.pid}`;
  await mkdir(building, { recursive: true });
  try {
    await run(go, ["install", `${suiteModule}@${suiteVersion}`], {
      environment: { GOBIN: building, GOFLAGS: "" },
      timeoutMs: buildTimeoutMs,
    });
    await rename(building, folder);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return program;
}

export interface SuiteReport {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** The cases that did not pass, and what the suite said last where it gave no report. */
  readonly lines: readonly string[];
}

/** Runs in plain HTTP; `folder` takes the reports (`report.html` shows every request). */
export async function runSuite(
  program: string,
  registry: RegistryUnderTest,
  folder: string,
): Promise<SuiteReport> {
  const { host, publicProject, privateProject } = registry;
  const result = await tryRun(program, [], {
    directory: folder,
    timeoutMs: runTimeoutMs,
    environment: {
      ...optionalParts,
      OCI_VERSION: "dev",
      OCI_RESULTS_DIR: folder,
      OCI_REGISTRY: host,
      OCI_TLS: "disabled",
      OCI_REPO1: `${publicProject}/conformance-1`,
      OCI_REPO2: `${privateProject ?? publicProject}/conformance-2`,
      OCI_USERNAME: registry.username,
      OCI_PASSWORD: registry.password,
    },
  });
  const report = join(folder, "junit.xml");
  if (!existsSync(report)) {
    const said = `${result.stdout}${result.stderr}`.slice(-1_000);
    return { passed: 0, failed: 1, skipped: 0, lines: [`the suite gave no report: ${said}`] };
  }
  return readReport(await readFile(report, "utf8"));
}

/** JUnit's XML as the suite writes it: its head counts cases and their groups, as its summary does. */
export function readReport(xml: string): SuiteReport {
  const head = /<testsuite name="[^"]*" ([^>]*)>/.exec(xml)?.[1] ?? "";
  // The suite leaves out what is zero, but never the first three.
  const countOf = (name: string, absent = Number.NaN) =>
    Number(new RegExp(`${name}="([0-9]+)"`).exec(head)?.[1] ?? absent);
  const tests = countOf("tests");
  const failed = countOf("failures") + countOf("errors");
  const skipped = countOf("skipped", 0);
  const lines = [...xml.matchAll(/<testcase name="([^"]*)"[^>]*? status="([a-z]+)"/g)]
    .filter(([, , status]) => status !== "passed")
    .map(([, name, status]) => `${status} ${name}`);
  // A report without a case proves nothing.
  if (!(tests > 0) || Number.isNaN(failed + skipped)) {
    return { passed: 0, failed: 1, skipped: 0, lines: ["the suite's report counts nothing"] };
  }
  return { passed: tests - failed - skipped, failed, skipped, lines };
}
