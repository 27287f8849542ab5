// The real process with a certificate: what it says of itself, the admin verbs against it, and
// SIGHUP.

import { equal, match } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { makeKeyPair } from "@sampan/server/http/testing/certificate";

const program = fileURLToPath(new URL("../process.ts", import.meta.url));
const first = makeKeyPair({ name: "first.test" });

function start(argv: readonly string[], environment: Readonly<Record<string, string>>) {
  // The loader of TypeScript, without what belongs to the test runner.
  const loader = process.execArgv.filter((argument) => !argument.startsWith("--test"));
  const { PATH = "" } = process.env;
  return spawn(process.execPath, [...loader, program, ...argv], {
    env: { PATH, HOME: "/nonexistent", ...environment },
  });
}

interface Running {
  readonly child: ChildProcess;
  readonly directory: string;
  /** Resolves with the next line of the log that says so. */
  logged(message: RegExp): Promise<Record<string, unknown>>;
}

async function up(context: TestContext, hasTls = true): Promise<Running> {
  const directory = await mkdtemp(join(tmpdir(), "sampan-tls-"));
  await writeFile(join(directory, "tls.crt"), first.certificate);
  await writeFile(join(directory, "tls.key"), first.key);
  const child = start(["up"], {
    SAMPAN_DATA: join(directory, "data"),
    SAMPAN_LISTEN: "127.0.0.1:0",
    SAMPAN_ADMIN_LISTEN: "off",
    ...(hasTls
      ? {
          SAMPAN_TLS_CERTIFICATE: join(directory, "tls.crt"),
          SAMPAN_TLS_KEY: join(directory, "tls.key"),
        }
      : {}),
  });
  context.after(async () => {
    if (child.kill("SIGKILL")) await once(child, "exit");
    await rm(directory, { recursive: true });
  });
  child.stdout.resume();
  const lines = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
  const logged = async (message: RegExp): Promise<Record<string, unknown>> => {
    for (;;) {
      const { done, value } = await lines.next();
      if (done === true) throw new Error(`the server ended without saying ${message}`);
      const line = JSON.parse(value);
      if (message.test(line.msg)) return line;
    }
  };
  return { child, directory, logged };
}

/** The common name of the certificate that is served. */
async function servedBy(url: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

test("over TLS: status with the authority, a new certificate at SIGHUP, the end", async (context) => {
  const { child, directory, logged } = await up(context);
  const { registry } = await logged(/^ready$/);
  const url = String(registry);
  match(url, /^https:\/\/127\.0\.0\.1:\d+$/);

  const authority = { NODE_EXTRA_CA_CERTS: join(directory, "tls.crt") };
  const status = start(["status", "--url", url], authority);
  equal((await once(status, "exit"))[0], 0);
  const distrustful = start(["status", "--url", url], {});
  equal((await once(distrustful, "exit"))[0], 1);

  equal(await servedBy(url), "first.test");
  const second = makeKeyPair({ name: "second.test" });
  await writeFile(join(directory, "tls.crt"), second.certificate);
  await writeFile(join(directory, "tls.key"), second.key);
  child.kill("SIGHUP");
  await logged(/^a new TLS certificate is in use$/);
  equal(await servedBy(url), "second.test");

  const exited = once(child, "exit");
  child.kill("SIGTERM");
  equal((await exited)[0], 0);
});

test("without TLS a SIGHUP ends nothing", async (context) => {
  const { child, logged } = await up(context, false);
  const { registry } = await logged(/^ready$/);
  child.kill("SIGHUP");
  await logged(/^SIGHUP: there is no tlsCertificate/);
  const status = start(["status", "--url", String(registry)], {});
  equal((await once(status, "exit"))[0], 0);
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  equal((await exited)[0], 0);
});

test("a certificate that cannot be read stops the start with its file", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "sampan-tls-"));
  context.after(() => rm(directory, { recursive: true }));
  const child = start(["up", "--admin-listen", "off", "--listen", "127.0.0.1:0"], {
    SAMPAN_DATA: join(directory, "data"),
    SAMPAN_TLS_CERTIFICATE: join(directory, "tls.crt"),
    SAMPAN_TLS_KEY: join(directory, "tls.key"),
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  equal((await once(child, "close"))[0], 1);
  match(errors, /sampan: .*tls\.crt: no such file\n/);
});
