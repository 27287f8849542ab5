import assert from "node:assert/strict";
import test from "node:test";
import { createSimulatedWorld } from "@sampan/env/simulated";
import type { Descriptor, Digest } from "@sampan/oci/model";
import { createProgress, formatBytes } from "./progress.ts";

const blob = (digit: string, size: number): Descriptor => ({
  mediaType: "application/octet-stream",
  digest: `sha256:${digit.repeat(64)}` as Digest,
  size,
  artifactType: null,
  annotations: {},
  platform: null,
  urls: [],
});

function world(columns: number | null) {
  const simulated = createSimulatedWorld(1);
  const said: string[] = [];
  const progress = createProgress({
    clock: simulated.env.clock,
    write: (text) => void said.push(text),
    columns: () => columns,
  });
  return { progress, said, runUntil: (ms: number) => simulated.runUntil(ms) };
}

test("bytes are shown in the largest unit that fits", () => {
  const check = (bytes: number, expected: string) => assert.equal(formatBytes(bytes), expected);
  check(0, "0 B");
  check(1023, "1023 B");
  check(1024, "1.0 KiB");
  check(300 * 1024 * 1024, "300.0 MiB");
  check(2 ** 50, "1024.0 TiB");
});

test("without a terminal each blob has one line, when it is there", async () => {
  const { progress, said, runUntil } = world(null);
  const [a, b] = [blob("a", 2048), blob("b", 10)];
  progress.planned([a, b], 1);
  progress.moved(a, 1000);
  await runUntil(10_000);
  progress.finished(a, "copied");
  progress.finished(b, "present");
  progress.close();
  assert.deepEqual(said, [
    "sha256:aaaaaaaaaaaa  copied, 2.0 KiB\n",
    "sha256:bbbbbbbbbbbb  already there, 10 B\n",
  ]);
});

test("a terminal shows a bar for each blob on its way and one for all", async () => {
  const { progress, said, runUntil } = world(200);
  const [a, b] = [blob("a", 4096), blob("b", 4096)];
  progress.planned([a, b], 1);
  progress.moved(a, 1024);
  await runUntil(100);
  const bar = (full: number) => `[${"=".repeat(full)}${" ".repeat(24 - full)}]`;
  const first = `sha256:aaaaaaaaaaaa  ${bar(6)}  25 %  1.0 KiB / 4.0 KiB  10.0 KiB/s\n`;
  const total = `0/2 blobs            ${bar(3)}  12 %  1.0 KiB / 8.0 KiB  10.0 KiB/s\n`;
  assert.deepEqual(said, [`${first}${total}`]);
  progress.finished(a, "copied");
  const drawn = said[1] ?? "";
  assert.ok(drawn.startsWith("\u001b[2A\r\u001b[Jsha256:aaaaaaaaaaaa  copied, 4.0 KiB\n1/2 blobs"));
  progress.close();
  assert.equal(said[2], "\u001b[1A\r\u001b[J");
});

test("a line is never longer than the terminal is wide", async () => {
  const { progress, said, runUntil } = world(40);
  progress.planned([blob("a", 4096)], 1);
  progress.moved(blob("a", 4096), 1);
  await runUntil(100);
  for (const line of (said[0] ?? "").split("\n")) assert.ok(line.length < 40);
});
