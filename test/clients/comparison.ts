// What must be equal: what was pushed and what came back.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Layout } from "./images.ts";

export function expectEqual(actual: string, expected: string, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${actual} came, ${expected} was expected`);
}

export function expectIncludes(list: readonly string[], wanted: string, what: string): void {
  if (!list.includes(wanted)) throw new Error(`${what}: ${wanted} is not in ${list.join(", ")}`);
}

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/**
 * Every blob of the layout that was pushed is in the layout that was pulled, and is what it is
 * named.
 */
export async function expectSameBlobs(pushed: Layout, pulledPath: string): Promise<void> {
  const names = await readdir(join(pushed.path, "blobs", "sha256"));
  for (const name of names) {
    const bytes = await readFile(join(pulledPath, "blobs", "sha256", name));
    expectEqual(sha256(bytes), `sha256:${name}`, "a pulled blob");
  }
  const index = JSON.parse(await readFile(join(pulledPath, "index.json"), "utf8"));
  expectEqual(index.manifests[0]?.digest, pushed.digest, "the pulled manifest");
}
