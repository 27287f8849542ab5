// The generated page must be fresh.

import { ok } from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { renderReference } from "./reference.ts";

const file = new URL("../../../../docs/reference/configuration.md", import.meta.url);

test("docs/reference/configuration.md is what the table of settings says", async () => {
  if (process.env["SAMPAN_REWRITE"] === "1") await writeFile(file, renderReference());
  const fresh = (await readFile(file, "utf8")) === renderReference();
  ok(fresh, "is stale; write it anew with: npm test -- --rewrite reference");
});
