// node:test's events as people want them: a line per file, every failure in full, the reason of
// every skip, and last the one line that CI reads. Plain JavaScript, because Node loads it without
// a loader.

import { relative } from "node:path";

const counts = { passed: 0, failed: 0, skipped: 0 };
/** The files in the order in which Node tells of their tests, whichever ends first. */
const files = [];
/** Of the first file in `files` whose line is yet to be printed. */
let next = 0;

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type === "test:stdout" || type === "test:stderr") yield data.message;
    if (type === "test:enqueue" && isFile(data)) files.push(newFile(data.name));
    if (type === "test:complete" && isFile(data)) yield* ended(data);
    if (type === "test:pass" || type === "test:fail") yield* result(type === "test:pass", data);
  }
  yield* printUntil(files.length);
  yield `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`;
}

function newFile(name) {
  return { name, end: null, tally: { passed: 0, failed: 0, skipped: 0 } };
}

/** Node runs each file as a test of its own, named by its path. */
function isFile(data) {
  return data.name.endsWith(".test.ts");
}

/** What a file's tests did is told at once, or, if files before it still run, behind those. */
function* ended(data) {
  const index = files.findIndex(({ name }) => name === data.name);
  files[index].end = data;
  if (files.slice(0, index).every(({ end }) => end !== null)) yield* printUntil(index + 1);
}

function* printUntil(index) {
  for (; next < index && files[next].end !== null; next += 1) yield ending(files[next]);
}

function ending({ name, end, tally }) {
  const seconds = ((end.details?.duration_ms ?? 0) / 1000).toFixed(1);
  const failed = end.details?.passed === false;
  // With none of its tests to blame: it did not load, or ended badly behind them.
  const how = failed && tally.failed === 0 ? `, ${endOf(end)}` : "";
  return `${failed ? "FAIL" : "ok  "} ${shown(name)}  ${summary(tally)}${how}  ${seconds} s\n`;
}

/** How the process of a file ended that failed by itself; what it said stands above. */
function endOf(data) {
  const { exitCode, signal } = data.details?.error ?? {};
  if (typeof exitCode === "number") return `ended with exit code ${exitCode}`;
  return typeof signal === "string" ? `ended by ${signal}` : "failed as a whole";
}

function shown(path) {
  return relative(process.cwd(), path);
}

function* result(passed, data) {
  if (data.details?.type === "suite") return;
  // A file's own test stands for a crash on loading, unless it passed: then its tests speak.
  if (isFile(data) && passed) return;
  const own = files.findIndex(({ name }) => name === data.file);
  if (own !== -1) yield* printUntil(own);
  // A test that a helper declares has the helper's path; its file is the one that is told of.
  const file = files[own === -1 ? next : own];
  const name = shown(file?.name ?? data.file ?? data.name);
  const skipped = data.skip !== undefined;
  const kind = skipped ? "skipped" : passed ? "passed" : "failed";
  counts[kind] += 1;
  if (!isFile(data) && file !== undefined) file.tally[kind] += 1;
  if (skipped) yield `skip ${name}: ${data.name}${reason(data.skip)}\n`;
  if (kind === "failed" && !(isFile(data) && isExit(data))) yield failure(name, data);
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
