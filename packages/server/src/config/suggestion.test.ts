// What counts as a slip of the hand.

import { equal } from "node:assert/strict";
import { test } from "node:test";
import { suggest } from "./suggestion.ts";

const known = ["listen", "adminListen", "data", "logLevel"];

test("a slip of the hand finds the word that was meant", () => {
  equal(suggest("lisen", known), "listen");
  equal(suggest("lsiten", known), "listen");
  equal(suggest("dta", known), "data");
  equal(suggest("admin_listen", known), "adminListen");
  equal(suggest("loglevel", known), "logLevel");
});

test("another word finds none", () => {
  equal(suggest("banana", known), null);
  equal(suggest("", known), null);
  equal(suggest("l".repeat(100_000), known), null);
});
