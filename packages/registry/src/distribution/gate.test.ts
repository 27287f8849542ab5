import assert from "node:assert/strict";
import { test } from "node:test";
import { Gate, SharedGate } from "./gate.ts";

test("one cannot take all places, and what it leaves is there for it again", () => {
  let inside = 0;
  const gauge = {
    set(value: number) {
      inside = value;
    },
  };
  const gate = new SharedGate(new Gate(3, gauge), 2);
  assert.equal(gate.enter("a"), "entered");
  assert.equal(gate.enter("a"), "entered");
  assert.equal(gate.enter("a"), "no-share");
  assert.equal(gate.enter("b"), "entered");
  assert.equal(gate.enter("c"), "full");
  assert.equal(inside, 3);
  gate.leave("a");
  assert.equal(gate.enter("a"), "entered");
  for (const who of ["a", "a", "b"]) gate.leave(who);
  assert.equal(inside, 0);
  assert.throws(() => gate.leave("a"), { name: "AssertionError" });
});
