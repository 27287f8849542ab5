// Files and names that outlive a power failure once the call resolves.

import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "@sampan/env";

/** Replaces the file whole: a crash leaves the old content or the new. */
export async function writeFileDurably(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  const file = await open(draft, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  await syncDirectory(dirname(path));
}

/** Makes the names inside the directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Makes the directory's own name durable and those of all above it, whichever process made them.
 * Above, a directory that this user may not read cannot be synced, and was not made by this user.
 */
export async function syncNamesAbove(path: string): Promise<void> {
  const above = dirname(path);
  if (above === path) return;
  try {
    await syncDirectory(above);
  } catch (error) {
    if (errorCode(error) !== "EACCES") throw error;
  }
  await syncNamesAbove(above);
}
