import assert from "node:assert/strict";
import { test } from "node:test";
import { isRipe, secondLook, shouldCondemn } from "./collection.ts";

test("only what is live, not needed and not young is condemned", () => {
  for (const state of ["live", "condemned"] as const) {
    for (const isNeeded of [true, false]) {
      for (const isYoung of [true, false]) {
        const expected = state === "live" && !isNeeded && !isYoung;
        assert.equal(shouldCondemn({ state, isNeeded, isYoung }), expected);
      }
    }
  }
});

test("the second look deletes only what its own first look condemned and nothing needs", () => {
  const check = (found: Parameters<typeof secondLook>[0], expected: string) =>
    assert.equal(secondLook(found), expected);
  check({ state: "condemned", isSame: true, isNeeded: false }, "delete");
  check({ state: "condemned", isSame: true, isNeeded: true }, "revive");
  check({ state: "condemned", isSame: false, isNeeded: false }, "leave");
  check({ state: "condemned", isSame: false, isNeeded: true }, "leave");
  check({ state: "live", isSame: true, isNeeded: false }, "leave");
});

test("work is ripe when the grace time is over, to the millisecond", () => {
  assert.equal(isRipe(1_000, 60_999, 60_000), false);
  assert.equal(isRipe(1_000, 61_000, 60_000), true);
  assert.equal(isRipe(1_000, 0, 60_000), false);
});
