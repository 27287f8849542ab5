// Who may do what on /v2/, and what the others are told.

import assert from "node:assert/strict";
import test from "node:test";
import { ok } from "@sampan/env";
import type { RepositoryName } from "@sampan/oci/model";
import { SignJWT } from "jose";
import { parseScopes } from "../core/scope.ts";
import { findSetting } from "../meta/settings.ts";
import type { Auth, Identity, Need } from "./auth.ts";
import { actorOf, createAuth } from "./auth.ts";
import { passwordChecksOfClientMax } from "./check-queue.ts";
import { accountGuessesFree, clientGuessesMax, guessRefillMs } from "./login-throttle.ts";
import { createPasswordLogin } from "./password-login.ts";
import { createPasswords } from "./passwords.ts";
import type { AuthWorld } from "./testing/auth-world.ts";
import { adminPassword, basic, scrypt, withAuth } from "./testing/auth-world.ts";
import { createVerification } from "./verification.ts";

const origin = "https://registry.test";
const clientAddress = "192.0.2.1";
const admin = basic("admin", adminPassword);
const need = (name: string, ...actions: readonly ("pull" | "push" | "delete")[]): Need => ({
  type: "repository",
  repository: name as RepositoryName,
  actions,
});
const version: Need = { type: "version" };
const catalog: Need = { type: "catalog" };

/** `ok`, or the code of the failure with its challenge. */
async function verdict(auth: Auth, authorization: string | null, what: Need): Promise<string> {
  return verdictFrom(null, { auth, authorization, what });
}

async function verdictFrom(
  clientAddress: string | null,
  asked: { readonly auth: Auth; readonly authorization: string | null; readonly what?: Need },
): Promise<string> {
  const { auth, authorization, what = version } = asked;
  const checked = await auth.check({ authorization, clientAddress, origin }, what);
  if (checked.ok) return "ok";
  const { error } = checked;
  return error.code === "unauthorized" ? `unauthorized ${error.challenge}` : error.code;
}

async function tokenFor(
  { auth }: AuthWorld,
  authorization: string | null,
  ...scopes: readonly string[]
): Promise<string> {
  const identified = await auth.identify({ authorization, clientAddress });
  assert.ok(identified.ok);
  const issued = await auth.issueToken(identified.value, parseScopes(scopes));
  assert.ok(issued.ok);
  return `Bearer ${issued.value.token}`;
}

const challenge = 'Bearer realm="https://registry.test/service/token",service="harbor-registry"';
const bearer = (rest = "") => `unauthorized ${challenge}${rest}`;
const scoped = (scope: string, error = "") =>
  bearer(`,scope="repository:${scope}"${error === "" ? "" : `,error="${error}"`}`);
const wrong = 'unauthorized Basic realm="sampan"';

test("without credentials there is a challenge, for public projects too", () =>
  withAuth(async ({ auth }) => {
    const check = async (what: Need, expected: string) =>
      assert.equal(await verdict(auth, null, what), expected);
    await check(version, bearer());
    await check(need("library/app", "pull"), scoped("library/app:pull"));
    await check(need("library/app", "pull", "push"), scoped("library/app:pull,push"));
    await check(need("team/app", "pull"), scoped("team/app:pull"));
    await check(catalog, wrong);
  }));

test("the administrator may do everything with the password", () =>
  withAuth(async ({ auth }) => {
    for (const what of [
      version,
      catalog,
      need("library/app", "pull", "push", "delete"),
      need("team/app", "push"),
      need("nowhere/app", "push"),
    ]) {
      assert.equal(await verdict(auth, admin, what), "ok");
    }
  }));

test("wrong credentials are refused, whatever is wrong with them", () =>
  withAuth(async ({ auth }) => {
    const check = async (authorization: string, expected: string) => {
      assert.equal(await verdict(auth, authorization, version), expected, authorization);
    };
    await check(basic("admin", "wrong"), wrong);
    await check(basic("nobody", adminPassword), wrong);
    await check(basic("", ""), wrong);
    await check(basic("admin\0", adminPassword), wrong);
    await check(basic("a".repeat(5_000), adminPassword), wrong);
    await check(basic("admin", "x".repeat(5_000)), wrong);
    await check("Basic", bearer());
    await check("Basic !!!", bearer());
    await check(`Basic ${Buffer.from("no colon").toString("base64")}`, bearer());
    await check("Digest x", bearer());
    await check("", bearer());
    await check("x".repeat(20_000), bearer());
    await check("Bearer x", bearer(',error="invalid_token"'));
    await check("Bearer ", bearer());
  }));

test("the scheme's case does not matter, the password's does", () =>
  withAuth(async ({ auth }) => {
    assert.equal(await verdict(auth, admin.replace("Basic", "bAsIc"), version), "ok");
    assert.equal(await verdict(auth, basic("admin", adminPassword.toUpperCase()), version), wrong);
  }));

test("a token allows what it was granted, and nothing else", () =>
  withAuth(async (world) => {
    const { auth } = world;
    const token = await tokenFor(
      world,
      admin,
      "repository:team/app:pull,push",
      "repository:a/b:pull",
    );
    const check = async (what: Need, expected: string) =>
      assert.equal(await verdict(auth, token, what), expected);
    await check(version, "ok");
    await check(need("team/app", "pull"), "ok");
    await check(need("team/app", "pull", "push"), "ok");
    await check(need("a/b", "pull"), "ok");
    await check(need("team/app", "delete"), scoped("team/app:delete", "insufficient_scope"));
    await check(need("team/app2", "pull"), scoped("team/app2:pull", "insufficient_scope"));
    await check(need("a/b", "pull", "push"), scoped("a/b:pull,push", "insufficient_scope"));
    // As podman search comes, which then asks for a token with this scope.
    await check(catalog, bearer(',scope="registry:catalog:*",error="insufficient_scope"'));
  }));

test("an anonymous token pulls from public projects alone", () =>
  withAuth(async (world) => {
    const { auth } = world;
    const token = await tokenFor(
      world,
      null,
      "repository:library/app:pull,push",
      "repository:team/app:pull",
      "repository:nowhere/app:pull",
      "repository:alone:pull",
      "registry:catalog:*",
    );
    assert.equal(await verdict(auth, token, need("library/app", "pull")), "ok");
    for (const what of [
      need("library/app", "pull", "push"),
      need("team/app", "pull"),
      need("nowhere/app", "pull"),
      need("alone", "pull"),
    ]) {
      assert.match(await verdict(auth, token, what), /^unauthorized/);
    }
    // The list shows only what an anonymous caller may pull.
    assert.equal(await verdict(auth, token, catalog), "ok");
    const checked = await auth.check({ authorization: token, clientAddress, origin }, version);
    assert.ok(checked.ok);
    assert.equal(actorOf(checked.value), "anonymous");
  }));

test("a token for the catalogue lists it", () =>
  withAuth(async (world) => {
    const token = await tokenFor(world, admin, "registry:catalog:*");
    assert.equal(await verdict(world.auth, token, catalog), "ok");
  }));

test("a forged, altered or expired token is refused", () =>
  withAuth(async (world) => {
    const { auth, store, env } = world;
    const token = await tokenFor(world, admin, "repository:team/app:pull");
    const what: Need = need("team/app", "pull");
    const invalid = scoped("team/app:pull", "invalid_token");
    const [header = "", payload = "", signature = ""] = token.slice("Bearer ".length).split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const more = encode({
      ...claims,
      access: [{ ...claims.access[0], actions: ["pull", "push"] }],
    });
    const none = `${encode({ alg: "none", typ: "JWT" })}.${payload}.`;
    const byText = encode({ alg: "HS256", typ: "JWT" });
    for (const forged of [
      `${header}.${more}.${signature}`,
      none,
      `${byText}.${payload}.${signature}`,
    ]) {
      assert.equal(await verdict(auth, `Bearer ${forged}`, what), invalid);
    }
    const snapshot = await store.snapshot();
    const key = await findSetting<{ privateKey: object }>(snapshot, "token-key");
    snapshot.release();
    const signed = (audience: string, issuer: string) =>
      new SignJWT({ access: claims.access })
        .setProtectedHeader({ alg: "ES256" })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject("admin")
        .setExpirationTime(Math.floor(env.clock.now() / 1000) + 60)
        .sign(key?.privateKey as never);
    const check = async (audience: string, issuer: string, expected: string) =>
      assert.equal(await verdict(auth, `Bearer ${await signed(audience, issuer)}`, what), expected);
    await check("harbor-registry", "harbor-token-issuer", "ok");
    await check("other", "harbor-token-issuer", invalid);
    await check("harbor-registry", "other", invalid);
    assert.equal(await verdict(auth, token, what), "ok");
    world.pass(30 * 60_000 + 1_000);
    assert.equal(await verdict(auth, token, what), invalid);
  }));

test("processes that share a store know each other's tokens", () =>
  withAuth(async (world) => {
    const token = await tokenFor(world, admin, "repository:team/app:pull");
    const other = createAuth(world.env, { store: world.store }, { mode: "token", scrypt });
    assert.equal(await verdict(other, token, need("team/app", "pull")), "ok");
  }));

test("a cached credential is decided without a promise, a forgotten one is checked again", () =>
  withAuth(async (world) => {
    const { auth } = world;
    const ask = (authorization: string) =>
      auth.check({ authorization, clientAddress, origin }, need("team/app", "pull"));
    const token = await tokenFor(world, admin, "repository:team/app:pull");
    for (const credential of [admin, token]) {
      await ask(credential);
      assert.ok(!(ask(credential) instanceof Promise));
    }
    world.pass(61_000);
    assert.ok(ask(admin) instanceof Promise);
    assert.ok(!(ask(token) instanceof Promise));
    await ask(admin);
  }));

test("behind a token stands the user that it was issued to, with all rights", () =>
  withAuth(async ({ auth }) => {
    const check = async (name: string | null, type: string, mayPullTeam: boolean) => {
      const person = await auth.personOf({ type: "token", name, access: [] });
      assert.equal(person.type, type);
      const may = await auth.may(person, "team/app" as RepositoryName, "pull");
      assert.equal(may, mayPullTeam, String(name));
    };
    await check("admin", "user", true);
    await check("who is gone", "anonymous", false);
    await check(null, "anonymous", false);
  }));

test("one may use what one may pull", () =>
  withAuth(async (world) => {
    const { auth } = world;
    const may = (identity: Identity, name: string) =>
      auth.may(identity, name as RepositoryName, "pull");
    const token = await auth.check(
      {
        authorization: await tokenFor(world, admin, "repository:team/app:pull"),
        clientAddress,
        origin,
      },
      version,
    );
    assert.ok(token.ok);
    assert.equal(await may(token.value, "team/app"), true);
    assert.equal(await may(token.value, "team/other"), false);
    assert.equal(await may({ type: "anonymous" }, "library/app"), true);
    assert.equal(await may({ type: "anonymous" }, "team/app"), false);
    const user: Identity = { type: "user", name: "ann", id: 2, admin: false };
    assert.equal(await may(user, "library/app"), true);
    assert.equal(await may(user, "team/app"), false);
  }));

test("the management API takes passwords, not registry tokens", () =>
  withAuth(async (world) => {
    const { auth } = world;
    const identified = await auth.identify({ authorization: admin, clientAddress });
    assert.ok(identified.ok && identified.value.type === "user" && identified.value.admin);
    const token = await tokenFor(world, admin, "repository:team/app:pull");
    for (const authorization of [token, basic("admin", "wrong"), "Bearer x"]) {
      const refused = await auth.identify({ authorization, clientAddress });
      assert.ok(!refused.ok && refused.error.code === "unauthorized");
    }
    const nobody = await auth.identify({ authorization: null, clientAddress });
    assert.ok(nobody.ok && nobody.value.type === "anonymous");
  }));

/** As many wrong passwords for the administrator as the client has. */
async function guessAll(auth: Auth, client: string): Promise<void> {
  for (let n = 0; n < clientGuessesMax; n += 1) {
    const authorization = basic("admin", `guess ${client} ${n}`);
    assert.equal(await verdictFrom(client, { auth, authorization }), wrong);
  }
  const more = basic("admin", `guess ${client} more`);
  assert.equal(await verdictFrom(client, { auth, authorization: more }), "too-many-requests");
}

/** Whose sleeps pass at once, noted. */
function undelayed({ env, store }: AuthWorld): { auth: Auth; delays: number[] } {
  const delays: number[] = [];
  const sleep = async (ms: number) => void delays.push(ms);
  const hurried = { ...env, clock: { ...env.clock, sleep } };
  return { auth: createAuth(hurried, { store }, { mode: "token", scrypt }), delays };
}

test("guesses use up the guesser's own budget, and close the account to nobody else", () =>
  withAuth(async (world) => {
    const { auth } = undelayed(world);
    await guessAll(auth, "192.0.2.1");
    const asked = { auth, authorization: admin };
    assert.equal(await verdictFrom("192.0.2.1", asked), "too-many-requests");
    assert.equal(await verdictFrom("::ffff:192.0.2.1", asked), "too-many-requests");
    assert.equal(await verdictFrom("192.0.2.2", asked), "ok");
    world.pass(61_000);
    await guessAll(auth, "2001:db8::1");
    const neighbour = { auth, authorization: basic("admin", "another") };
    assert.equal(await verdictFrom("2001:db8::2", neighbour), "too-many-requests");
  }));

test("who was right before is not kept waiting, not even where all guesses are used up", () =>
  withAuth(async (world) => {
    const { auth } = undelayed(world);
    assert.equal(await verdict(auth, admin, version), "ok");
    for (const client of ["192.0.2.1", "192.0.2.2"]) {
      await guessAll(auth, client);
      world.pass(61_000);
      await guessAll(auth, `${client}0`);
      assert.equal(await verdictFrom(`${client}0`, { auth, authorization: admin }), "ok");
    }
  }));

test("guesses come back one by one, and after a few the account's logins are delayed", () =>
  withAuth(async (world) => {
    const { auth, delays } = undelayed(world);
    await guessAll(auth, "192.0.2.1");
    assert.equal(delays.length, clientGuessesMax - accountGuessesFree);
    assert.deepEqual(delays.slice(0, 6), [100, 200, 400, 800, 1_600, 2_000]);
    world.pass(guessRefillMs);
    const again = (n: number) =>
      verdictFrom("192.0.2.1", { auth, authorization: basic("admin", `again ${n}`) });
    assert.equal(await again(1), wrong);
    assert.equal(await again(2), "too-many-requests");
    assert.equal(await verdictFrom("192.0.2.9", { auth, authorization: admin }), "ok");
    const before = delays.length;
    await verdictFrom("192.0.2.9", { auth, authorization: basic("admin", "mistyped") });
    assert.equal(delays.length, before);
  }));

test("guesses at the same time are no more than guesses one by one", () =>
  withAuth(async (world) => {
    const { auth } = undelayed(world);
    let checked = 0;
    for (let round = 0; round < 3; round += 1) {
      const guesses = Array.from({ length: 30 }, (_, n) =>
        verdictFrom("192.0.2.1", { auth, authorization: basic("admin", `${round} ${n}`) }),
      );
      checked += (await Promise.all(guesses)).filter((one) => one === wrong).length;
    }
    assert.equal(checked, clientGuessesMax);
  }));

test("a client with the same credential is not refused for another's guesses", () =>
  withAuth(async (world) => {
    const { auth } = undelayed(world);
    await guessAll(auth, "192.0.2.1");
    const clients = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"];
    const verdicts = clients.map((client) => verdictFrom(client, { auth, authorization: admin }));
    const refused = "too-many-requests";
    assert.deepEqual(await Promise.all(verdicts), [refused, refused, "ok", "ok"]);
  }));

test("strangers with a heap of tokens make no password forgotten", () =>
  withAuth(async (world) => {
    const { env, store } = world;
    const passwords = createPasswordLogin(env, { store, passwords: createPasswords(env, scrypt) });
    const anonymous = { user: null, access: [], expiresMs: env.clock.now() + 1_800_000 };
    // A signature each would take long, and is not what this is about.
    const tokens = { issue: () => assert.fail(), verify: async () => ok(anonymous) };
    const verification = createVerification(env, { tokens, passwords });
    await verification.verify(admin, clientAddress);
    for (let n = 0; n < 10_400; n += 1) await verification.verify(`Bearer ${n}`, clientAddress);
    assert.ok(!(verification.verify(admin, clientAddress) instanceof Promise));
    world.pass(61_000);
    const guesses = Array.from({ length: 50 }, (_, n) =>
      verification.verify(basic(`user ${n}`, "x"), clientAddress),
    );
    assert.ok((await verification.verify(admin, clientAddress)).ok);
    await Promise.all(guesses);
  }));

test("the same wrong password again is no new guess", () =>
  withAuth(async (world) => {
    const { auth } = world;
    for (let n = 0; n < 3 * accountGuessesFree; n += 1) {
      assert.equal(await verdict(auth, basic("admin", "old password"), version), wrong);
    }
    assert.equal(await verdict(auth, admin, version), "ok");
  }));

test("a hundred requests at once with one credential are one check", () =>
  withAuth(async ({ auth }) => {
    const verdicts = await Promise.all(
      Array.from({ length: 100 }, () => verdict(auth, admin, version)),
    );
    assert.deepEqual(new Set(verdicts), new Set(["ok"]));
  }));

const flood = (auth: Auth, count: number, clientOf: (n: number) => string) =>
  Array.from({ length: count }, (_, n) =>
    verdictFrom(clientOf(n), { auth, authorization: basic(`user ${n}`, "x") }),
  );

test("one client's passwords take a part of the queue, and leave room for another's", () =>
  withAuth(async ({ auth }) => {
    const flooding = flood(auth, 70, () => "192.0.2.1");
    assert.equal(await verdictFrom("192.0.2.2", { auth, authorization: admin }), "ok");
    const verdicts = await Promise.all(flooding);
    assert.equal(verdicts.filter((one) => one === wrong).length, passwordChecksOfClientMax);
    const refused = verdicts.filter((one) => one === "too-many-requests").length;
    assert.equal(refused, 70 - passwordChecksOfClientMax);
  }));

test("however many clients fill the queue, who was right before is let in", () =>
  withAuth(async (world) => {
    const { auth } = world;
    assert.equal(await verdict(auth, admin, version), "ok");
    world.pass(61_000);
    const flooding = flood(auth, 80, (n) => `192.0.2.${n}`);
    assert.equal(await verdict(auth, admin, version), "ok");
    const verdicts = await Promise.all(flooding);
    const refused = verdicts.filter((one) => one === "too-many-requests").length;
    assert.equal(refused, 80 - 2 - 64);
    assert.equal(verdicts.filter((one) => one === wrong).length, 66);
  }));

test("a changed password counts at once, the old one no longer", () =>
  withAuth(async (world) => {
    const { auth } = world;
    const change = (oldPassword: string, newPassword: string) =>
      auth.changePassword({ user: "admin", oldPassword, newPassword, clientAddress, nowMs: 1 });
    assert.equal(await verdict(auth, admin, version), "ok");
    const weak = await change(adminPassword, "short");
    assert.ok(!weak.ok && weak.error.code === "password-weak");
    const unknown = await change("not that", "a new password");
    assert.ok(!unknown.ok && unknown.error.code === "wrong");
    assert.ok((await change(adminPassword, "a new password")).ok);
    assert.equal(await verdict(auth, admin, version), wrong);
    assert.equal(await verdict(auth, basic("admin", "a new password"), version), "ok");
  }));

test("a refused login is logged with the client and the name tried, made harmless", () =>
  withAuth(async ({ auth, lines }) => {
    const check = async (client: string, name: string, expected: object) => {
      const authorization = basic(name, "guessed password");
      assert.equal(await verdictFrom(client, { auth, authorization }), wrong);
      const { level, user, client: from, msg, reason } = JSON.parse(lines.at(-1) ?? "");
      const told = { level, msg, user, client: from, reason };
      assert.deepEqual(told, { level: "info", msg: "login refused", reason: "wrong", ...expected });
      assert.ok(!lines.join("").includes("guessed password"));
    };
    await check("192.0.2.1", "admin", { user: "admin", client: "192.0.2.1" });
    await check("::ffff:192.0.2.1", "nobody", { user: "nobody", client: "192.0.2.1" });
    await check("2001:db8::1:2", "ä b", { user: "ä b", client: "2001:db8::1:2" });
    const steering = "a\u001b[31m\r\nb\u202ec\u2028d";
    const harmless = "a\ufffd[31m\ufffd\ufffdb\ufffdc\ufffdd";
    await check("192.0.2.1", steering, { user: harmless, client: "192.0.2.1" });
    const user = `${"x".repeat(64)}…`;
    await check("192.0.2.1", "x".repeat(200), { user, client: "192.0.2.1" });
    const reason = "overlong";
    await check("192.0.2.1", "x".repeat(9_000), {
      level: "debug",
      user,
      client: "192.0.2.1",
      reason,
    });
  }));

test("no password and no token gets into the log", () =>
  withAuth(async (world) => {
    const token = await tokenFor(world, admin, "repository:team/app:pull");
    await verdict(world.auth, token, version);
    await verdict(world.auth, `${token}x`, version);
    await verdict(world.auth, basic("admin", "wrong password"), version);
    const log = world.lines.join("");
    assert.match(log, /login refused/);
    for (const secret of [adminPassword, "wrong password", token.slice(-20)]) {
      assert.ok(!log.includes(secret));
    }
  }));

test("without authentication everybody is the administrator", () =>
  withAuth(async (world) => {
    const { auth } = world;
    const needs: readonly Need[] = [version, catalog, need("team/app", "push")];
    for (const authorization of [null, "Bearer x", basic("a", "b")]) {
      for (const what of needs) {
        assert.equal(await verdict(auth, authorization, what), "ok");
      }
    }
    await tokenFor(world, null, "repository:team/app:push");
  }, "none"));
