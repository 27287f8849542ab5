import assert from "node:assert/strict";
import test from "node:test";
import { exceededBound } from "./json-bounds.ts";

const bounds = { depthMax: 3, containersMax: 6, membersMax: 2 };

function check(text: string, expected: keyof typeof bounds | null): void {
  assert.equal(exceededBound(Buffer.from(text), bounds), expected, text);
}

test("fields count, wherever they are", () => {
  check('{"a":{"b":1}}', null);
  check('{"a":{"b":1},"c":2}', "membersMax");
  check('["::::"]', null);
});

test("objects and lists count by depth and by number", () => {
  check("", null);
  check("[[[]]]", null);
  check("[[[[]]]]", "depthMax");
  check('{"a":[{"b":[]}]}', "depthMax");
  check("[[],[],[],[],[]]", null);
  check("[[],[],[],[],[],[]]", "containersMax");
  check("]]]][[[[", null);
});

test("a bracket in a string is a letter", () => {
  check('["[[[[[[[[{{{{"]', null);
  check('["\\"[[[["]', null);
  check('["\\\\\\"[[[["]', null);
  check('["\\\\",[[[[', "depthMax");
  check('["[[[[', null);
  check('"', null);
  check('"\\', null);
});

test("a string of quotes alone is walked once", () => {
  const text = `["${"\\\\".repeat(1_000_000)}","${'\\"'.repeat(1_000_000)}"]`;
  check(text, null);
});
