import assert from "node:assert/strict";
import { test } from "node:test";
import * as env from "./index.ts";

test("an IoError keeps its code and its cause", () => {
  const cause = new Error("ENOSPC");
  const error = new env.IoError("disk-full", "cannot append", cause);
  assert.equal(error.code, "disk-full");
  assert.equal(error.cause, cause);
  assert.equal("cause" in new env.IoError("io", "no cause"), false);
});

test("assert throws an AssertionError when its condition is false", () => {
  env.assert(true, "fine");
  assert.throws(() => env.assert(false, "broken"), env.AssertionError);
});

test("errorCode finds a code of text and nothing else", () => {
  const check = (error: unknown, expected: string | null): void =>
    assert.equal(env.errorCode(error), expected);
  check(Object.assign(new Error("x"), { code: "ENOENT" }), "ENOENT");
  check(new env.IoError("closed", "x"), "closed");
  check({ code: 7 }, null);
  check(new Error("x"), null);
  check(null, null);
  check("ENOENT", null);
});

test("errorMessage gives a text for whatever was thrown", () => {
  const check = (error: unknown, expected: string): void =>
    assert.equal(env.errorMessage(error), expected);
  check(new Error("boom"), "boom");
  check("plain", "plain");
  check(undefined, "undefined");
  check({ message: 7 }, "7");
});
