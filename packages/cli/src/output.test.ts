// Columns for people.

import { equal } from "node:assert/strict";
import { test } from "node:test";
import { printTable } from "./output.ts";
import { createTestTerminal } from "./testing/terminal.ts";

test("a table is columns without lines, and rows cannot steer the terminal", async () => {
  const terminal = createTestTerminal();
  await printTable(
    terminal,
    ["NAME", "N"],
    [
      ["a", "1"],
      ["long\u001bname", "22"],
    ],
  );
  equal(terminal.output(), "NAME        N\na           1\nlong\ufffdname   22\n");
});

test("a table without rows is its head", async () => {
  const terminal = createTestTerminal();
  await printTable(terminal, ["NAME", "N"], []);
  equal(terminal.output(), "NAME   N\n");
});
