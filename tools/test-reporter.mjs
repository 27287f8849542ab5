// node:test's events as people want them: a line per file, every failure in full, the reason of
// every skip, and last the one line that CI reads. Plain JavaScript, because Node loads it without
// a loader.

import { relative } from "node:path";

const counts = { passed: 0, failed: 0, skipped: 0 };

export default async function* report(events) {
  const files = new Map();
  for await (const event of events) {
    if (event.type === "test:stdout" || event.type === "test:stderr") yield event.data.message;
    if (event.type === "test:complete" && isFile(event.data)) yield ending(files, event.data);
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    yield* result(files, event.type === "test:pass", event.data);
  }
  yield `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`;
}

/** Node runs each file as a test of its own, which ends behind those in it. */
function isFile(data) {
  return data.name.endsWith(".test.ts");
}

function ending(files, data) {
  const file = fileOf(data);
  const tally = files.get(file) ?? { passed: 0, failed: 0, skipped: 0 };
  const seconds = ((data.details?.duration_ms ?? 0) / 1000).toFixed(1);
  const failed = tally.failed > 0 || data.details?.passed === false;
  // With none of its tests to blame: it did not load, or ended badly behind them.
  const how = failed && tally.failed === 0 ? `, ${endOf(data)}` : "";
  return `${failed ? "FAIL" : "ok  "} ${file}  ${summary(tally)}${how}  ${seconds} s\n`;
}

/** How the process of a file ended that failed by itself; what it said stands above. */
function endOf(data) {
  const { exitCode, signal } = data.details?.error ?? {};
  if (typeof exitCode === "number") return `ended with exit code ${exitCode}`;
  return typeof signal === "string" ? `ended by ${signal}` : "failed as a whole";
}

function fileOf(data) {
  return relative(process.cwd(), data.file ?? data.name);
}

function* result(files, passed, data) {
  if (data.details?.type === "suite") return;
  const file = fileOf(data);
  // A file's own test stands for a crash on loading, unless it passed: then its tests speak.
  if (isFile(data) && passed) return;
  if (!files.has(file)) files.set(file, { passed: 0, failed: 0, skipped: 0 });
  const skipped = data.skip !== undefined;
  const kind = skipped ? "skipped" : passed ? "passed" : "failed";
  counts[kind] += 1;
  files.get(file)[kind] += 1;
  if (skipped) yield `skip ${file}: ${data.name}${reason(data.skip)}\n`;
  if (kind === "failed" && !(isFile(data) && isExit(data))) yield failure(file, data);
}

/** Its line said how it ended; Node has nothing to add. */
function isExit(data) {
  const { exitCode, signal } = data.details?.error ?? {};
  return typeof exitCode === "number" || typeof signal === "string";
}

function reason(skip) {
  return typeof skip === "string" && skip !== "" ? ` (${skip})` : "";
}

function failure(file, data) {
  const error = data.details?.error;
  const cause = error?.cause ?? error;
  const text = cause?.stack ?? cause?.message ?? String(cause);
  return `\nFAIL ${file}: ${data.name}\n${String(text).replace(/^/gm, "    ")}\n\n`;
}

function summary({ passed, failed, skipped }) {
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return parts.join(", ");
}
