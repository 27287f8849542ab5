// The words for who may not.

import assert from "node:assert/strict";
import test from "node:test";
import type { RepositoryName } from "@sampan/oci/model";
import { challengeFor, denied } from "./failure.ts";
import type { Need } from "./need.ts";

const origin = "https://registry.test";

function needOf(name: string, ...actions: readonly ("pull" | "push")[]): Need {
  return { type: "repository", repository: name as RepositoryName, actions };
}

test("who may not push is told how images are named and who makes a project", () => {
  const check = (name: string, expected: string) => {
    const need = needOf(name, "pull", "push");
    const { message: toUser } = denied(need);
    assert.equal(toUser, `this user has no right to push to ${name}; ${expected}`);
    const { message: toStranger } = challengeFor(origin, need, "insufficient_scope");
    assert.equal(toStranger, `log in as a user who may push to ${name}; ${expected}`);
  };
  const naming = "images are named PROJECT/NAME";
  check("app", `${naming}, and app names no project`);
  check(
    "team/a/b",
    `${naming}; if there is no project team yet, ` +
      "an administrator makes it with: sampan project create team",
  );
});

test("who may not pull is told what was asked for", () => {
  const need = needOf("team/app", "pull");
  assert.equal(denied(need).message, "this user has no right to pull on team/app");
  assert.match(challengeFor(origin, need, null).message, /repository team\/app \(pull\)$/);
});
