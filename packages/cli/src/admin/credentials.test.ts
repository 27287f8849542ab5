// Which login wins, and what docker's and podman's files give.

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createTestTerminal } from "../testing/terminal.ts";
import { type CredentialOptions, findCredentials } from "./credentials.ts";

const host = "127.0.0.1:8080";

interface Given {
  readonly environment?: Readonly<Record<string, string>>;
  readonly options?: CredentialOptions;
  readonly input?: string;
}

async function check({ environment = {}, options = {}, input = "" }: Given, expected: unknown) {
  const terminal = createTestTerminal({ environment, input });
  const found = await findCredentials(terminal, host, options);
  deepEqual(found === null ? null : [found.user, found.password], expected);
}

test("without any login one is anonymous", async () => {
  await check({}, null);
  await check({ environment: { SAMPAN_USER: "", SAMPAN_PASSWORD: "" } }, null);
});

test("a password without a user is admin's", async () => {
  await check({ environment: { SAMPAN_PASSWORD: "p" } }, ["admin", "p"]);
  await check({ options: { passwordStdin: true }, input: "p\n" }, ["admin", "p"]);
});

test("flags weigh more than the environment", async () => {
  const environment = { SAMPAN_USER: "ann", SAMPAN_PASSWORD: "env" };
  await check({ environment }, ["ann", "env"]);
  await check({ environment, options: { user: "bob" } }, ["bob", "env"]);
  const options = { user: "bob", passwordStdin: true };
  await check({ environment, options, input: "in \r\nmore" }, ["bob", "in "]);
});

test("a user without a password, or a promised one that is missing, is an error", async () => {
  await rejects(check({ options: { user: "ann" } }, null), { exitCode: 2, message: /for ann/ });
  await rejects(check({ options: { passwordStdin: true }, input: "\nx" }, null), { exitCode: 2 });
});

test("a login that docker or podman keeps is used", async (context) => {
  const home = await createHome(context);
  const auth = Buffer.from("ann:se:cret").toString("base64");
  const other = Buffer.from("bob:other").toString("base64");
  await writeLogins(join(home, ".docker", "config.json"), { [host]: { auth }, "r.test": { auth } });
  await check({ environment: { HOME: home } }, ["ann", "se:cret"]);

  await writeLogins(join(home, "containers", "auth.json"), { [host]: { auth: other } });
  const environment = { HOME: home, XDG_RUNTIME_DIR: home };
  await check({ environment }, ["bob", "other"]);
  await check({ environment, options: { user: "bob" } }, ["bob", "other"]);
  await rejects(check({ environment, options: { user: "ann" } }, null), { exitCode: 2 });
});

test("a file that holds no login for this server is passed over", async (context) => {
  const home = await createHome(context);
  const environment = { HOME: home };
  const file = join(home, ".docker", "config.json");
  await writeLogins(file, { "other.test": { auth: "YTpi" } });
  await check({ environment }, null);
  await writeLogins(file, { [host]: {}, [`https://${host}`]: { auth: "no colon" } });
  await check({ environment }, null);
  for (const text of ["null", "[]", '{"auths":7}']) {
    await writeFile(file, text);
    await check({ environment }, null);
  }
  for (const text of ["", "{"]) {
    await writeFile(file, text);
    const terminal = createTestTerminal({ environment });
    equal(await findCredentials(terminal, host, {}), null);
    match(
      terminal.errors(),
      /^sampan: no login is taken from .*config\.json, which cannot be read/,
    );
  }
});

async function createHome(context: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "sampan-home-"));
  context.after(() => rm(home, { recursive: true }));
  await mkdir(join(home, ".docker"));
  await mkdir(join(home, "containers"));
  return home;
}

async function writeLogins(file: string, auths: unknown): Promise<void> {
  await writeFile(file, JSON.stringify({ auths }));
}
