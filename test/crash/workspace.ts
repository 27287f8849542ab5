// Where the repository lies, for code that also runs built, from `test/dist`.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export function workspaceRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, "package-lock.json"))) {
    const above = dirname(directory);
    if (above === directory) throw new Error("this file lies outside the repository");
    directory = above;
  }
  return directory;
}
