// Scopes of token requests, as clients write them.

import assert from "node:assert/strict";
import test from "node:test";
import { parseScopes, scopesMax } from "./scope.ts";

function check(text: string, expected: readonly string[]): void {
  test(`scope ${JSON.stringify(text.slice(0, 60))}`, () => {
    const shown = parseScopes([text]).map((scope) =>
      scope.type === "catalog" ? "catalog" : `${scope.repository}:${scope.actions.join(",")}`,
    );
    assert.deepEqual(shown, expected);
  });
}

check("repository:library/app:pull", ["library/app:pull"]);
check("repository:library/app:pull,push", ["library/app:pull,push"]);
check("repository:library/app:push,pull", ["library/app:pull,push"]);
check("repository:library/app:*", ["library/app:pull,push,delete"]);
check("repository:library/app:pull,unheard", ["library/app:pull"]);
check("repository:library/app:", ["library/app:"]);
check("repository(plugin):library/app:pull", ["library/app:pull"]);
check("repository:a/b:pull repository:c/d:push", ["a/b:pull", "c/d:push"]);
check("registry:catalog:*", ["catalog"]);
check("registry:catalog:pull", []);
check("registry:other:*", []);
check("repository:host:5000/app:pull", []);
check("repository:Library/app:pull", []);
check("repository:../app:pull", []);
check("repository:library/app", []);
check("user:me:*", []);
check("", []);
check(":", []);
check("::", []);
check(`repository:${"a".repeat(600)}:pull`, []);

test("scopes beyond the bound are left out", () => {
  const many = Array.from({ length: 100 }, (_, n) => `repository:a/b${n}:pull`);
  assert.equal(parseScopes(many).length, scopesMax);
  assert.equal(parseScopes([many.join(" ")]).length, scopesMax);
});
