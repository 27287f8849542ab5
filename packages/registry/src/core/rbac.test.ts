// Who may do what: the whole table.

import assert from "node:assert/strict";
import test from "node:test";
import { allows, repositoryActions } from "./rbac.ts";

test("administrators may do everything, others pull from public projects", () => {
  const projects = [{ public: true }, { public: false }, null];
  for (const project of projects) {
    for (const action of repositoryActions) {
      assert.equal(allows({ admin: true }, project, action), true);
      const open = project?.public === true && action === "pull";
      assert.equal(allows({ admin: false }, project, action), open);
    }
  }
});
