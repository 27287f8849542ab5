// The whole server as a user runs it: first start, the verbs against it, the end, the way back in.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { main } from "../main.ts";
import { createTestTerminal, type TestTerminal } from "../testing/terminal.ts";

const password = "correct-horse-battery";

interface Running {
  readonly terminal: TestTerminal;
  readonly url: string;
  readonly adminUrl: string;
  /** Stops it; resolves to its exit code. */
  stop(): Promise<number>;
}

async function createDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "sampan-up-"));
  context.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** Free ports; `environment` over what every test needs. */
async function up(
  context: TestContext,
  data: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const terminal = createTestTerminal({
    environment: {
      SAMPAN_DATA: data,
      SAMPAN_LISTEN: "127.0.0.1:0",
      SAMPAN_ADMIN_LISTEN: "127.0.0.1:0",
      ...environment,
    },
  });
  const ended = main(["up"], terminal);
  const stop = async (): Promise<number> => {
    terminal.stop();
    return await ended;
  };
  context.after(stop);
  const failed = ended.then(() => {
    throw new Error(`the server ended: ${terminal.errors()}${terminal.logs()}`);
  });
  await Promise.race([terminal.printed("Stop with Ctrl-C."), failed]);
  failed.catch(() => undefined);
  const [url = "", adminUrl = ""] = terminal.output().match(/http:\/\/[^\s/]+/g) ?? [];
  return { terminal, url, adminUrl, stop };
}

async function run(argv: readonly string[], given: Parameters<typeof createTestTerminal>[0]) {
  const terminal = createTestTerminal(given);
  const code = await main(argv, terminal);
  return { code, out: terminal.output(), err: terminal.errors() };
}

test("the first start prints a password once, and never into the log", async (context) => {
  const data = join(await createDirectory(context), "data");
  const first = await up(context, data);
  const [, generated = ""] = /│\s+(\S{16,})\s+│/.exec(first.terminal.output()) ?? [];
  ok(generated.length >= 16, first.terminal.output());
  ok(!first.terminal.logs().includes(generated), "the password is in the log");

  const environment = { SAMPAN_URL: first.url, SAMPAN_PASSWORD: generated };
  equal((await run(["project", "create", "team-a"], { environment })).code, 0);
  equal(await first.stop(), 0);

  const second = await up(context, data);
  ok(!second.terminal.output().includes("│"), "a later start prints a password");
  const listed = await run(["project", "list", "--json"], {
    environment: { SAMPAN_URL: second.url, SAMPAN_PASSWORD: generated },
  });
  deepEqual(
    JSON.parse(listed.out).map((project: { name: string }) => project.name),
    ["library", "team-a"],
  );
});

test("a given password is used and not printed", async (context) => {
  const data = join(await createDirectory(context), "data");
  const server = await up(context, data, { SAMPAN_ADMIN_PASSWORD: password });
  ok(!server.terminal.output().includes(password));
  ok(!server.terminal.logs().includes(password));
  const environment = { SAMPAN_URL: server.url };
  const create = ["project", "create", "team-b", "--public", "--password-stdin"];
  const made = await run(create, { environment, input: `${password}\n` });
  match(made.out, /^created public project team-b\npush to 127\.0\.0\.1:\d+\/team-b\/IMAGE:TAG\n$/);
  const listed = await run(["project", "list"], { environment });
  match(listed.out, /^NAME +ACCESS +REPOSITORIES +CREATED\nlibrary +public .*\nteam-b +public /);
});

test("wrong credentials, taken names and bad names end in one line", async (context) => {
  const data = join(await createDirectory(context), "data");
  const { url } = await up(context, data, { SAMPAN_ADMIN_PASSWORD: password });
  const create = async (name: string, environment: Readonly<Record<string, string>>) => {
    const argv = ["project", "create", name];
    const { code, err } = await run(argv, { environment: { SAMPAN_URL: url, ...environment } });
    equal(code, 1);
    match(err, /^sampan: [^\n]+\n$/);
    return err;
  };
  const wrong = { SAMPAN_PASSWORD: "not-the-password" };
  match(await create("team-a", wrong), /wrong user or password for admin at http/);
  match(await create("team-a", {}), /asks who you are; give --user and --password-stdin/);
  const right = { SAMPAN_PASSWORD: password };
  match(await create("library", right), /refused \(409\): .*library/);
  match(await create("Not_A_Name!", right), /refused \(400\): /);
});

test("status says what it is, and that it is not there", async (context) => {
  const data = join(await createDirectory(context), "data");
  const { url, stop } = await up(context, data, { SAMPAN_ADMIN_PASSWORD: password });
  const ready = await run(["status", "--url", url], {});
  equal(ready.code, 0);
  equal(
    ready.out,
    `${url} is ready\n  version   log in to see it\n  auth      password\n  user      anonymous\n`,
  );
  const environment = { SAMPAN_PASSWORD: password };
  const known = await run(["status", "--url", url], { environment });
  match(known.out, / {2}version {3}\d\S*\n {2}auth {6}password\n {2}user {6}admin\n$/);
  const wrong = { environment: { SAMPAN_PASSWORD: "not-the-password" } };
  const refused = await run(["status", "--url", url], wrong);
  deepEqual([refused.code, refused.out], [1, ""]);
  equal(refused.err, `sampan: wrong user or password for admin at ${url}\n`);
  const { out } = await run(["status", "--url", url, "--json"], { environment });
  const { ready: isReady, auth, user } = JSON.parse(out);
  deepEqual([isReady, auth, user], [true, "password", "admin"]);
  match(JSON.parse(out).version, /^\d+\.\d+\.\d+/);
  await stop();
  const gone = await run(["status", "--url", url], {});
  equal(gone.code, 1);
  match(gone.err, /nothing listens on .*; start the server with sampan up/);
});

test("both ports say that it is ready; the admin port has metrics and a page", async (context) => {
  const data = join(await createDirectory(context), "data");
  const { adminUrl, url } = await up(context, data, { SAMPAN_ADMIN_PASSWORD: password });
  for (const origin of [url, adminUrl]) {
    equal((await fetch(`${origin}/readyz`)).status, 200);
    equal((await fetch(`${origin}/healthz`)).status, 200);
    equal((await fetch(`${origin}/healthz?x`)).status, 200);
  }
  equal((await fetch(`${url}/metrics`)).status, 404);
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  for (const name of ["sampan_info", "sampan_data_free_bytes", "process_resident_memory_bytes"]) {
    match(metrics, new RegExp(`^${name}[ {]`, "m"));
  }
  const page = await (await fetch(`${adminUrl}/debug`)).text();
  match(page, /<td>ready<\/td>/);
  ok(!page.includes(password), "the page shows the password");
});

test("a second start on the same directory is refused and disturbs nothing", async (context) => {
  const data = join(await createDirectory(context), "data");
  const { url } = await up(context, data);
  const environment = { SAMPAN_DATA: data, SAMPAN_LISTEN: "127.0.0.1:0" };
  const second = await run(["up"], { environment });
  equal(second.code, 1);
  match(second.err, /is in use by another sampan, process \d+ on .*; stop it first/);
  const reset = await run(["user", "reset-password", "admin"], { environment });
  equal(reset.code, 1);
  match(reset.err, /is in use by another sampan, process \d+ on /);
  equal((await fetch(`${url}/readyz`)).status, 200);
});

test("a port that is taken ends the start and leaves the directory free", async (context) => {
  const directory = await createDirectory(context);
  const { url } = await up(context, join(directory, "one"));
  const data = join(directory, "two");
  const environment = {
    SAMPAN_DATA: data,
    SAMPAN_LISTEN: new URL(url).host,
    SAMPAN_ADMIN_LISTEN: "off",
  };
  const second = await run(["up"], { environment });
  equal(second.code, 1);
  match(second.err, /is in use by another program; stop that, or choose another with --listen\n$/);
  ok(!(await readdir(data)).includes("LOCK"));
  await up(context, data);
});

test("a newer data directory is refused with both versions", async (context) => {
  const data = join(await createDirectory(context), "data");
  await (await up(context, data)).stop();
  const format = { format: "sampan-data", version: 9, createdBy: "9.9.9" };
  await writeFile(join(data, "FORMAT"), JSON.stringify(format));
  const { code, err } = await run(["up"], { environment: { SAMPAN_DATA: data } });
  equal(code, 1);
  match(err, /has data format 9, this sampan knows up to 1; .*9\.9\.9/);
});

test("the password can be reset on the host, generated or given", async (context) => {
  const data = join(await createDirectory(context), "data");
  const environment = { SAMPAN_DATA: data };
  const nothing = await run(["user", "reset-password", "admin"], { environment });
  match(nothing.err, /holds no data of Sampan; name the directory with --data/);
  await (await up(context, data, { SAMPAN_ADMIN_PASSWORD: password })).stop();

  const generated = await run(["user", "reset-password", "admin", "--json"], { environment });
  equal(generated.code, 0, generated.err);
  const { generatedPassword } = JSON.parse(generated.out);
  await checkLogin(context, data, { right: generatedPassword, wrong: password });

  const argv = ["user", "reset-password", "admin", "--password-stdin"];
  const given = await run(argv, { environment, input: "another-password\n" });
  equal(given.out, "admin has the new password\n");
  await checkLogin(context, data, { right: "another-password", wrong: generatedPassword });

  match((await run(argv, { environment, input: "short" })).err, /shorter than 8 characters/);
  const unknown = await run(["user", "reset-password", "nobody"], { environment });
  match(unknown.err, /there is no user nobody/);
});

async function checkLogin(
  context: TestContext,
  data: string,
  passwords: { readonly right: string; readonly wrong: string },
): Promise<void> {
  const { stop, url } = await up(context, data);
  const status = async (word: string) => {
    const authorization = `Basic ${Buffer.from(`admin:${word}`).toString("base64")}`;
    return (await fetch(`${url}/v2/`, { headers: { authorization } })).status;
  };
  equal(await status(passwords.right), 200);
  equal(await status(passwords.wrong), 401);
  await stop();
}

test("at the end an upload under way is finished and nothing new is taken", async (context) => {
  const data = join(await createDirectory(context), "data");
  const { stop, terminal, url } = await up(context, data, { SAMPAN_AUTH: "none" });
  const started = await fetch(`${url}/v2/library/app/blobs/uploads/`, { method: "POST" });
  const location = new URL(started.headers.get("location") ?? "", url);

  const body = Buffer.alloc(100 * 1024, 7);
  const upload = httpRequest(location, {
    method: "PATCH",
    headers: { "content-type": "application/octet-stream", "content-length": body.length },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    upload.on("response", resolve).on("error", reject);
  });
  await new Promise((resolve) => upload.write(body.subarray(0, 1000), resolve));
  const ended = stop();
  while (!terminal.logs().includes('"msg":"stopping"')) await new Promise(setImmediate);
  await fetch(`${url}/v2/`).then(
    () => ok(false, "a new connection was taken"),
    () => undefined,
  );
  upload.end(body.subarray(1000));
  const response = await answered;
  equal(response.statusCode, 202);
  equal(response.headers["range"], `0-${body.length - 1}`);
  response.resume();
  equal(await ended, 0);
});
