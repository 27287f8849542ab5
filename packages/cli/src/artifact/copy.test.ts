// The command as people run it, against a registry that a test scripts. What a copy does between
// registries is tested with its client.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { errorBody } from "@sampan/oci/model";
import { buildImage, buildLayer, type TestImage } from "@sampan/oci/testing";
import { main } from "../main.ts";
import {
  type Scripted,
  type ScriptedServer,
  startScriptedServer,
} from "../testing/scripted-server.ts";
import { createTestTerminal, type TestTerminalOptions } from "../testing/terminal.ts";

const layer = buildLayer([{ type: "file", path: "a", bytes: Buffer.from("hello") }]);
const image = buildImage([layer]);
const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

/** A source that has one image; `secret`: for whoever shows this header. */
function source(context: TestContext, held: TestImage, secret?: string): Promise<ScriptedServer> {
  const contents = [held.manifest, held.config, ...held.layers];
  return startScriptedServer(context, ({ path, headers }) => {
    if (secret !== undefined && headers.authorization !== secret) return challenge;
    if (path.endsWith("/manifests/1.0")) return found(held.manifest);
    const content = contents.find(({ digest }) => path.endsWith(digest));
    return content === undefined ? missing : found(content);
  });
}

const missing: Scripted = { status: 404, body: errorBody("manifest-unknown") };
const challenge: Scripted = {
  status: 401,
  body: errorBody("unauthorized"),
  headers: { "www-authenticate": 'Basic realm="r"' },
};

function found(content: TestImage["manifest"]): Scripted {
  const headers = { "content-type": content.mediaType, "docker-content-digest": content.digest };
  return { status: 200, body: Buffer.from(content.bytes).toString("latin1"), headers };
}

/** A target that has nothing and takes everything. */
function target(context: TestContext): Promise<ScriptedServer> {
  return startScriptedServer(context, ({ method }) => {
    if (method === "HEAD" || method === "GET") return missing;
    return { status: method === "POST" ? 202 : 201, body: "", headers: { location: "/v2/up/1" } };
  });
}

const hostOf = ({ url }: ScriptedServer) => new URL(url).host;

async function run(argv: readonly string[], options: TestTerminalOptions = {}) {
  const terminal = createTestTerminal(options);
  const code = await main(["artifact", "copy", ...argv], terminal);
  return { code, out: terminal.output(), err: terminal.errors() };
}

const empty = buildImage([]);

test("an image is copied, with progress beside and the result in columns or JSON", async (context) => {
  const from = hostOf(await source(context, empty));
  const to = await target(context);
  const done = await run([`${from}/team/app:1.0`, `${hostOf(to)}/team/copy`]);
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /^copied .*\/team\/app:1\.0 to .*\/team\/copy\n {2}digest {4}sha256:/);
  assert.match(done.out, /blobs {5}1 copied, 0 mounted, 0 already there\n/);
  assert.match(done.err, /^sha256:[0-9a-f]{12} {2}copied, [0-9]+ B\n$/);
  // Without a tag of its own the target has the source's.
  assert.equal(to.asked.at(-1)?.path, "/v2/team/copy/manifests/1.0");

  const json = await run(["--json", "--quiet", `${from}/a:1.0`, `${hostOf(to)}/b:2.0`]);
  assert.equal(json.code, 0);
  assert.equal(json.err, "");
  const { digest, blobs, manifests, bytes } = JSON.parse(json.out);
  assert.equal(digest, empty.manifest.digest);
  assert.deepEqual([blobs, manifests], [{ copied: 1, mounted: 0, present: 0 }, 1]);
  assert.equal(bytes, empty.config.bytes.length);
  assert.equal(to.asked.at(-1)?.path, "/v2/b/manifests/2.0");
});

test("a login comes from standard input, or from the file that is named", async (context) => {
  const from = hostOf(await source(context, empty, basic("alice:a:b")));
  const to = hostOf(await target(context));
  const names = [`${from}/team/app:1.0`, `${to}/team/copy`];
  const piped = await run(["--src-creds-stdin", ...names], { input: "alice:a:b\n" });
  assert.equal(piped.code, 0, piped.err);

  const directory = await mkdtemp(join(tmpdir(), "sampan-copy-"));
  context.after(() => rm(directory, { recursive: true }));
  const file = join(directory, "auth.json");
  const auth = Buffer.from("alice:a:b").toString("base64");
  await writeFile(file, JSON.stringify({ auths: { [from]: { auth } } }));
  const kept = await run(names, { environment: { REGISTRY_AUTH_FILE: file } });
  assert.equal(kept.code, 0, kept.err);

  const nobody = await run(names);
  assert.equal(nobody.code, 1);
  assert.match(nobody.err, /answered 401 \(UNAUTHORIZED: .*; nobody is logged in at 127\.0\.0\.1:/);
  const wrong = await run(["--src-creds-stdin", ...names], { input: "bob:b\n" });
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /; as bob at 127\.0\.0\.1:[0-9]+: log in with docker login/);
});

test("what goes wrong is one line with the registry and what it said", async (context) => {
  const from = hostOf(await source(context, image));
  const to = hostOf(await target(context));
  const check = async (argv: readonly string[], code: number, message: RegExp) => {
    const done = await run(argv);
    assert.equal(done.code, code);
    assert.equal(done.out, "");
    assert.match(done.err, message);
    assert.equal(done.err.split("\n").length, 2);
  };
  const good = `${to}/b:1`;
  const absent = `GET http://${from}/v2/a/manifests/9 answered 404 \\(MANIFEST_UNKNOWN: `;
  await check([`${from}/a:9`, good], 1, new RegExp(`^sampan: ${absent}`));
  await check(["alpine:3", good], 2, /^sampan: SRC "alpine:3": it names no registry; write/);
  await check([`${from}/a:1.0`, "B:1"], 2, /^sampan: DST "B:1": /);
  const both = `${good}@${image.manifest.digest}`;
  await check([`${from}/a:1.0`, both], 2, /give a tag or a digest, not both/);
  await check(["--platform", "linux", `${from}/a:1.0`, good], 2, /write it like linux\/arm64/);
  await check(["--platform", "linux/s390x", `${from}/a:1.0`, good], 1, /it is for linux\/amd64/);
  await check(["--jobs", "0", `${from}/a:1.0`, good], 2, /give a number from 1 to 16/);
  await check(
    ["--ca-file", "/nonexistent", `${from}/a:1.0`, good],
    2,
    /^sampan: --ca-file: ENOENT/,
  );
  await check(["--src-creds", "a:b", `${from}/a:1.0`, good], 2, /no option, .*--src-creds-stdin/);
  await check(["--src-creds-stdin", `${from}/a:1.0`, good], 2, /no line USER:PASSWORD/);
  await check(["127.0.0.1:1/a:1.0", good], 1, /ECONNREFUSED.*; nothing listens there: check host/);
  const tls = ["--src-insecure", `${from}/a:1.0`, good];
  await check(tls, 1, /does it want --src-plain-http or --dst-plain-http\?/);
});

test("whoever stops it is told that nothing has the name", async (context) => {
  const from = hostOf(await source(context, empty));
  const terminal = createTestTerminal();
  const silent = await startScriptedServer(context, () => {
    terminal.stop();
    return missing;
  });
  const to = `${hostOf(silent)}/b:1`;
  const code = await main(["artifact", "copy", `${from}/a:1.0`, to], terminal);
  assert.equal(code, 130);
  assert.equal(terminal.errors(), `sampan: stopped: ${to} was not written\n`);
});
