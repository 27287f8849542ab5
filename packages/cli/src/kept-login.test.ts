import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { findLogin } from "./kept-login.ts";
import { createTestTerminal } from "./testing/terminal.ts";

const encoded = (pair: string) => Buffer.from(pair).toString("base64");

/** A home with docker's file, and helpers by name. */
async function home(
  context: TestContext,
  config: unknown,
  helpers: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const directory = await mkdtemp(join(tmpdir(), "sampan-login-"));
  context.after(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, ".docker"));
  await writeFile(join(directory, ".docker", "config.json"), JSON.stringify(config));
  for (const [name, script] of Object.entries(helpers)) {
    const path = join(directory, `docker-credential-${name}`);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  }
  return { HOME: directory, PATH: `${directory}:/usr/bin:/bin` };
}

const find = (environment: Record<string, string>, host: string, repository = "team/app") =>
  findLogin(createTestTerminal({ environment }), { host, repository, asksHelpers: true });

test("a login is found by host, with the longest name first, and for Docker Hub", async (context) => {
  const environment = await home(context, {
    auths: {
      "r.example.com": { auth: encoded("alice:a:b") },
      "r.example.com/team/app": { auth: encoded("bob:secret") },
      "https://other.example.com": { auth: encoded("carol:c") },
      "https://index.docker.io/v1/": { auth: encoded("dora:d") },
      "acr.example.com": { auth: encoded("00000000:"), identitytoken: "refresh" },
    },
  });
  const check = async (host: string, repository: string, expected: unknown) =>
    assert.deepEqual(await find(environment, host, repository), expected);
  await check("r.example.com", "else", { username: "alice", password: "a:b" });
  await check("r.example.com", "team/app", { username: "bob", password: "secret" });
  await check("other.example.com", "a", { username: "carol", password: "c" });
  await check("docker.io", "library/alpine", { username: "dora", password: "d" });
  const identityToken = "refresh";
  await check("acr.example.com", "a", { username: "00000000", password: "", identityToken });
  await check("nobody.example.com", "a", null);
});

test("a credential helper is asked for the host on its standard input", async (context) => {
  const answer = `read -r host; echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"for $host\\"}"`;
  const token = `echo '{"Username":"<token>","Secret":"refresh"}'`;
  const none = `echo "credentials not found in native keychain"; exit 1`;
  const environment = await home(
    context,
    {
      credHelpers: { "a.example.com": "one", "t.example.com": "two" },
      credsStore: "none",
    },
    { one: answer, two: token, none },
  );
  assert.deepEqual(await find(environment, "a.example.com"), {
    username: "u",
    password: "for a.example.com",
  });
  assert.deepEqual(await find(environment, "t.example.com"), {
    username: "<token>",
    password: "",
    identityToken: "refresh",
  });
  assert.equal(await find(environment, "else.example.com"), null);
});

test("a helper that fails, is missing or has no program name is told", async (context) => {
  const credHelpers = {
    "a.example.com": "broken",
    "b.example.com": "absent",
    "c.example.com": "../../bin/sh",
    "d.example.com": "mute",
  };
  const helpers = { broken: `echo "the keychain is locked"; exit 1`, mute: "true" };
  const environment = await home(context, { credHelpers }, helpers);
  const check = (host: string, message: RegExp) =>
    assert.rejects(find(environment, host), { name: "CommandFailure", message });
  await check("a.example.com", /^docker-credential-broken failed .* the keychain is locked$/);
  await check("b.example.com", /docker-credential-absent cannot run/);
  await check("c.example.com", /is no program name/);
  await check("d.example.com", /without Username and Secret/);
});

test("the file that REGISTRY_AUTH_FILE names has to be there", async (context) => {
  const environment = await home(context, {});
  const named = { ...environment, REGISTRY_AUTH_FILE: "/nonexistent/auth.json" };
  await assert.rejects(find(named, "a.example.com"), {
    exitCode: 2,
    message: /REGISTRY_AUTH_FILE/,
  });
});
