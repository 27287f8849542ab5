// Where the data directory is when nobody says: in a clone of the repository its own `data`, so
// that trying it out leaves nothing elsewhere; installed, where the XDG specification wants it.

import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Terminal } from "../terminal.ts";

export interface DataPath {
  readonly path: string;
  /** A place that the user named must have its parent; ours may be the first in a fresh home. */
  readonly create: "directory" | "parents";
}

export function dataPath(given: string | null, environment: Terminal["environment"]): DataPath {
  if (given !== null) return { path: given, create: "directory" };
  const clone = fileURLToPath(new URL("../../../../", import.meta.url));
  if (existsSync(join(clone, "packages", "cli"))) {
    return { path: join(clone, "data"), create: "directory" };
  }
  const named = environment["XDG_DATA_HOME"] ?? "";
  // A relative one is to be ignored (XDG Base Directory Specification).
  const home = isAbsolute(named) ? named : join(homedir(), ".local", "share");
  return { path: join(home, "sampan"), create: "parents" };
}
