import assert from "node:assert/strict";
import { test } from "node:test";
import { Ledger, Register } from "./ledger.ts";

function tag(steps: (register: Register<string | null>) => void): Register<string | null> {
  const register = new Register<string | null>(null, 0);
  steps(register);
  return register;
}

function check(
  name: string,
  steps: (register: Register<string | null>) => void,
  expected: {
    readonly possible: readonly (string | null)[];
    readonly impossible: readonly string[];
  },
): void {
  test(name, () => {
    for (const value of expected.possible) assert.ok(tag(steps).observe(value), `${value}`);
    for (const value of expected.impossible) assert.ok(!tag(steps).observe(value), `${value}`);
  });
}

check("at first there is nothing", () => undefined, { possible: [null], impossible: ["a"] });
check("an attempt may have been made or not", (register) => register.attempt("a", 1), {
  possible: [null, "a"],
  impossible: ["b"],
});
check(
  "after an acknowledgement there is no doubt",
  (register) => {
    register.attempt("a", 1);
    register.acknowledge("a");
  },
  { possible: ["a"], impossible: ["b"] },
);
check(
  "a later attempt leaves the acknowledged value possible",
  (register) => {
    register.attempt("a", 1);
    register.acknowledge("a");
    register.attempt("b", 1);
  },
  { possible: ["a", "b"], impossible: ["c"] },
);
check(
  "of attempts that nobody answered each may be there",
  (register) => {
    register.attempt("a", 1);
    register.attempt("b", 1);
  },
  { possible: [null, "a", "b"], impossible: ["c"] },
);
check(
  "what was excluded is impossible, the rest stays in doubt",
  (register) => {
    register.attempt("a", 1);
    register.attempt("b", 1);
    register.exclude("a");
  },
  { possible: [null, "b"], impossible: ["a"] },
);

test("an observation settles the doubt", () => {
  const register = tag((each) => each.attempt("a", 1));
  assert.equal(register.certain, undefined);
  assert.ok(register.observe("a"));
  assert.equal(register.certain, "a");
  assert.ok(!register.observe(null));
});

test("the ledger gives one entry per name", () => {
  const ledger = new Ledger();
  const blob = ledger.blob("library/a", "sha256:1", 7);
  assert.equal(ledger.blob("library/a", "sha256:1", 7), blob);
  assert.notEqual(ledger.blob("library/b", "sha256:1", 7), blob);
  assert.deepEqual(ledger.blobsOf("library/a", 0), []);
  blob.present.attempt(true, 1);
  assert.deepEqual(ledger.blobsOf("library/a", 0), []);
  blob.present.acknowledge(true);
  assert.deepEqual(ledger.blobsOf("library/a", 0), [blob]);
});

test("the collector may take what no manifest names for certain, when its time is over", () => {
  const ledger = new Ledger(10_000);
  const blob = ledger.blob("library/a", "sha256:1", 7);
  blob.present.acknowledge(true);
  blob.pushedMs = 1_000;
  assert.equal(ledger.mayBeTaken(blob, 10_999), false);
  assert.equal(ledger.mayBeTaken(blob, 11_000), true);
  assert.deepEqual(ledger.blobsOf("library/a", 10_000), [], "too late to name it in time");

  const content = { mediaType: "", blobs: [blob.digest] };
  const first = ledger.manifest("library/a", { digest: "sha256:2", ...content });
  first.present.attempt(true, 1);
  assert.equal(ledger.mayBeTaken(blob, 11_000), true, "it may not be there");
  first.present.acknowledge(true);
  assert.equal(ledger.mayBeTaken(blob, 11_000), false);
  const second = ledger.manifest("library/a", { digest: "sha256:3", ...content });
  second.present.acknowledge(true);
  ledger.loosen(first);
  first.present.acknowledge(false);
  assert.equal(ledger.mayBeTaken(blob, 2_000), false, "another names it");
  second.present.attempt(false, 1);
  assert.equal(ledger.mayBeTaken(blob, 2_000), true);
});
