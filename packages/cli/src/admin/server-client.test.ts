// Every way in which asking a server can fail ends in one line with a next step.

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { type Scripted, startScriptedServer } from "../testing/scripted-server.ts";
import { createTestTerminal } from "../testing/terminal.ts";
import { createServerClient, serverUrl } from "./server-client.ts";

const ann = { user: "ann", password: "s:ecret" };

/** The message of a demand that is answered so. */
async function refusal(context: TestContext, answer: Scripted, credentials = ann): Promise<string> {
  const { url } = await startScriptedServer(context, () => answer);
  const message = await messageOf(createServerClient(url, credentials).demand("GET", "/"));
  return message.replaceAll(url, "URL");
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  let message = "";
  await rejects(promise, (error: Error) => {
    message = error.message;
    return true;
  });
  return message;
}

test("a request carries the credentials and its body as JSON", async (context) => {
  const server = await startScriptedServer(context, () => ({ status: 200, body: '{"a":1}' }));
  const client = createServerClient(server.url, ann);
  deepEqual((await client.demand("POST", "/path", { b: 2 })).body, { a: 1 });
  const [asked] = server.asked;
  equal(asked?.path, "/path");
  equal(asked?.body, '{"b":2}');
  equal(asked?.headers.authorization, `Basic ${Buffer.from("ann:s:ecret").toString("base64")}`);
  equal(asked?.headers["content-type"], "application/json");
});

test("without credentials there is no header for them", async (context) => {
  const server = await startScriptedServer(context, () => ({ status: 204, body: "" }));
  equal((await createServerClient(server.url, null).ask("GET", "/")).body, null);
  equal(server.asked[0]?.headers.authorization, undefined);
});

test("a refusal says why in the server's words", async (context) => {
  const body = JSON.stringify({ errors: [{ code: "X", message: "the name is taken" }] });
  const say = (status: number) => refusal(context, { status, body });
  equal(await say(401), "wrong user or password for ann at URL");
  equal(await say(403), "ann may not do that: the name is taken");
  equal(await say(404), "URL does not know that: the name is taken; is it a Sampan server?");
  equal(await say(409), "URL refused (409): the name is taken");
  equal(await refusal(context, { status: 500, body: "<html>" }), "URL refused (500)");
});

test("what the server says cannot steer the terminal", async (context) => {
  const body = JSON.stringify({ errors: [{ message: "\u001b[2J\r\nbad" }] });
  match(
    await refusal(context, { status: 409, body }),
    /^URL refused \(409\): \ufffd\[2J\ufffd\ufffdbad$/,
  );
});

test("anonymous is told how to say who one is", async (context) => {
  const { url } = await startScriptedServer(context, () => ({ status: 401, body: "" }));
  match(
    await messageOf(createServerClient(url, null).demand("GET", "/")),
    /asks who you are; give/,
  );
});

test("a redirect is not followed, for it would carry the password along", async (context) => {
  const headers = { location: "http://127.0.0.1:1/" };
  equal(await refusal(context, { status: 302, body: "", headers }), "URL refused (302)");
});

test("a server that is not there is told with the next step", async () => {
  const url = `http://127.0.0.1:${await closedPort()}`;
  const message = await messageOf(createServerClient(url, null).ask("GET", "/"));
  equal(
    message,
    `nothing listens on ${url}; start the server with sampan up, or name another with --url or SAMPAN_URL`,
  );
});

test("a server that speaks something else is no Sampan", async (context) => {
  const server = createServer((socket) => socket.end("220 mail.test ESMTP\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const bound = server.address();
  const port = typeof bound === "object" ? bound?.port : 0;
  const client = createServerClient(`http://127.0.0.1:${port}`, null);
  match(
    await messageOf(client.ask("GET", "/")),
    /^no answer from .*; is it a Sampan server, or does it speak https:.*\?$/,
  );
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof bound === "object" ? (bound?.port ?? 0) : 0;
}

test("the server's URL comes from the flag, the environment, or is the default", () => {
  const terminal = createTestTerminal({ environment: { SAMPAN_URL: "https://r.test/" } });
  equal(serverUrl(terminal, undefined), "https://r.test");
  equal(serverUrl(terminal, "http://a.test:1"), "http://a.test:1");
  equal(serverUrl(createTestTerminal(), undefined), "http://127.0.0.1:8080");
});

test("a wrong URL is a usage error that names its source", async () => {
  const terminal = createTestTerminal({ environment: { SAMPAN_URL: "127.0.0.1:8080" } });
  await rejects(async () => serverUrl(terminal, undefined), {
    exitCode: 2,
    message: /^SAMPAN_URL: /,
  });
  await rejects(async () => serverUrl(terminal, "ftp://x"), { exitCode: 2, message: /^--url: / });
});
