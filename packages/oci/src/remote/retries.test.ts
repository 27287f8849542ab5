import assert from "node:assert/strict";
import test from "node:test";
import { IoError } from "@sampan/env";
import {
  backoffMs,
  isBrokenConnection,
  isPassingStatus,
  isRefusedConnection,
  isTransferFault,
} from "./retries.ts";

test("the wait doubles, is spread over its upper half, and has an end", () => {
  const check = (attempt: number, fraction: number, ms: number) =>
    assert.equal(backoffMs(attempt, fraction), ms);
  check(0, 0, 125);
  check(0, 1, 250);
  check(1, 0, 250);
  check(2, 0.5, 750);
  check(5, 1, 8000);
  check(50, 1, 8000);
});

test("only statuses that may pass are asked again", () => {
  const check = (status: number, expected: boolean) =>
    assert.equal(isPassingStatus(status), expected);
  for (const status of [429, 502, 503, 504]) check(status, true);
  for (const status of [200, 400, 401, 403, 404, 416, 500, 501]) check(status, false);
});

const failed = (code: string, errno?: string) =>
  new IoError(code, "failed", errno === undefined ? undefined : { code: errno });

test("a connection that breaks is another thing than one that never is", () => {
  const check = (error: unknown, expected: boolean) =>
    assert.equal(isBrokenConnection(error), expected);
  check(failed("unreachable", "ECONNRESET"), true);
  check(failed("unreachable", "EPIPE"), true);
  check(failed("unreachable", "EAI_AGAIN"), true);
  check(failed("unreachable", "ECONNREFUSED"), false);
  check(failed("unreachable", "ENOTFOUND"), false);
  check(failed("unreachable", "DEPTH_ZERO_SELF_SIGNED_CERT"), false);
  check(failed("stalled"), false);
  check(failed("corrupt"), false);
  check({ code: "unreachable" }, false);
});

test("a connection that is refused is told apart", () => {
  const check = (error: unknown, expected: boolean) =>
    assert.equal(isRefusedConnection(error), expected);
  check(failed("unreachable", "ECONNREFUSED"), true);
  check(failed("unreachable", "ECONNRESET"), false);
  check(failed("interrupted", "ECONNREFUSED"), false);
});

test("a transfer goes on after faults of the way, never after wrong bytes", () => {
  const check = (error: unknown, expected: boolean) =>
    assert.equal(isTransferFault(error), expected);
  for (const code of ["interrupted", "stalled", "server-error"]) check(failed(code), true);
  check(failed("unreachable", "ECONNRESET"), true);
  check(failed("unreachable", "ECONNREFUSED"), true);
  check(failed("unreachable", "ENOTFOUND"), false);
  for (const code of ["corrupt", "protocol", "too-large"]) check(failed(code), false);
});
