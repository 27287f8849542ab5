// The suite's report, read.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readReport } from "./suite.ts";

function check(head: string, cases: readonly string[], expected: string): void {
  const elements = cases.map((status) => `<testcase name="a" classname="" status="${status}">`);
  const suite = `<testsuite name="OCI Conformance Test" ${head} time="6.0">`;
  const { passed, failed, skipped, lines } = readReport(`<testsuites>\n${suite}\n${elements}`);
  assert.equal([passed, failed, skipped, ...lines].join(" | "), expected);
}

test("the report's head counts, its cases say what did not pass", () => {
  check('tests="9" failures="0" errors="0"', ["passed"], "9 | 0 | 0");
  check('tests="9" failures="0" errors="0" skipped="2"', ["skipped"], "7 | 0 | 2 | skipped a");
  const bad = ["failed", "error"];
  check('tests="9" failures="1" errors="1" skipped="2"', bad, "5 | 2 | 2 | failed a | error a");
});

test("a report that counts nothing is a failure", () => {
  const nothing = "0 | 1 | 0 | the suite's report counts nothing";
  check('tests="0" failures="0" errors="0" skipped="0"', [], nothing);
  check('tests="9"', [], nothing);
  check("", [], nothing);
});
