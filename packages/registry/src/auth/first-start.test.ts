// The first start's password, and the way back in.

import assert from "node:assert/strict";
import test from "node:test";
import type { Env } from "@sampan/env";
import { createNodeEnv } from "@sampan/env/node";
import { openEmbeddedStore } from "@sampan/kv/embedded";
import { createMemoryEngine } from "@sampan/kv/engine/memory";
import type { Store } from "@sampan/kv/txn";
import { createAuth } from "./auth.ts";
import { initialise, resetPassword } from "./first-start.ts";
import { createPasswords, generatePassword, scryptCosts } from "./passwords.ts";
import { basic } from "./testing/auth-world.ts";

async function withStore(body: (env: Env, store: Store) => Promise<void>): Promise<void> {
  const stream = { write: () => undefined };
  const env = createNodeEnv({ service: "test", log: { level: "error", format: "json", stream } });
  const engine = createMemoryEngine(env, {});
  const store = await openEmbeddedStore(env, { engine }, {});
  await body(env, store);
  await store.close();
  await engine.close();
}

async function logsIn(env: Env, store: Store, password: string): Promise<boolean> {
  const auth = createAuth(env, { store }, { mode: "token" });
  return (await auth.identify({ authorization: basic("admin", password), clientAddress: null })).ok;
}

test("the first start generates a password and says it once", () =>
  withStore(async (env, store) => {
    const first = await initialise(env, store, { adminPassword: null });
    assert.ok(first.ok && first.value.created);
    const password = first.value.generatedPassword ?? "";
    assert.match(password, /^[2-9a-km-zA-HJ-NP-Z]{24}$/);
    assert.ok(await logsIn(env, store, password));
    const second = await initialise(env, store, { adminPassword: null });
    assert.deepEqual(second, { ok: true, value: { created: false, generatedPassword: null } });
  }));

test("a given password is taken on the first start alone", () =>
  withStore(async (env, store) => {
    const weak = await initialise(env, store, { adminPassword: "short" });
    assert.ok(!weak.ok && weak.error.code === "password-weak");
    const first = await initialise(env, store, { adminPassword: "given password" });
    assert.deepEqual(first, { ok: true, value: { created: true, generatedPassword: null } });
    await initialise(env, store, { adminPassword: "another password" });
    assert.ok(await logsIn(env, store, "given password"));
    assert.ok(!(await logsIn(env, store, "another password")));
  }));

test("two first starts at once make one registry", () =>
  withStore(async (env, store) => {
    const starts = await Promise.all(
      [1, 2].map(() => initialise(env, store, { adminPassword: null })),
    );
    const made = starts.flatMap((start) => (start.ok && start.value.created ? [start.value] : []));
    assert.equal(made.length, 1);
    assert.ok(await logsIn(env, store, made[0]?.generatedPassword ?? ""));
  }));

test("a lost password is reset on the host", () =>
  withStore(async (env, store) => {
    await initialise(env, store, { adminPassword: "given password" });
    const reset = await resetPassword(env, store, { user: "admin", password: null });
    assert.ok(reset.ok);
    assert.ok(await logsIn(env, store, reset.value.generatedPassword ?? ""));
    assert.ok(!(await logsIn(env, store, "given password")));
    const unknown = await resetPassword(env, store, { user: "ann", password: "long enough" });
    assert.ok(!unknown.ok && unknown.error.code === "user-unknown");
    const weak = await resetPassword(env, store, { user: "admin", password: "short" });
    assert.ok(!weak.ok && weak.error.code === "password-weak");
  }));

test("a password has many hashes and each knows it alone", () =>
  withStore(async (env) => {
    const passwords = createPasswords(env, scryptCosts);
    const lane = { type: "guess", client: "" } as const;
    const [one, two] = [await passwords.hash("pässword"), await passwords.hash("pässword")];
    assert.ok(one.ok && two.ok);
    assert.notEqual(one.value, two.value);
    assert.match(one.value, /^\$scrypt\$ln=15,r=8,p=3\$[^$]{22}\$[^$]{43}$/);
    const check = async (password: string, expected: boolean) => {
      assert.deepEqual(await passwords.verify(password, one.value, lane), {
        ok: true,
        value: expected,
      });
    };
    await check("pässword", true);
    // The same letters, composed otherwise.
    await check("pa\u0308ssword", true);
    await check("password", false);
    await check("", false);
    assert.deepEqual(await passwords.verify("anything", passwords.decoy, lane), {
      ok: true,
      value: false,
    });
    await assert.rejects(passwords.verify("x", "plain", lane), { code: "corrupt" });
  }));

test("generated passwords differ", () =>
  withStore(async (env) => {
    const made = new Set(Array.from({ length: 100 }, () => generatePassword(env)));
    assert.equal(made.size, 100);
  }));
