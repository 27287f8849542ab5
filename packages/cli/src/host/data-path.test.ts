// Where the data goes when nobody says.

import { deepEqual, match } from "node:assert/strict";
import { test } from "node:test";
import { dataPath } from "./data-path.ts";

test("a directory that was named is taken, and its parent must be there", () => {
  deepEqual(dataPath("/srv/sampan", {}), { path: "/srv/sampan", create: "directory" });
});

test("in a clone of the repository it is the clone's own, from wherever it is run", () => {
  match(dataPath(null, { XDG_DATA_HOME: "/elsewhere" }).path, /\/data$/);
});
