// `sampan status`: is the server there, ready, and which one is it?

import type { Command } from "commander";
import { CommandFailure } from "../failure.ts";
import { printable, printJson } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { createServerClient, defaultUrl, serverUrl } from "./server-client.ts";

export function addStatus(program: Command, terminal: Terminal): void {
  program
    .command("status")
    .summary("ask a server how it is")
    .description("Ask a server whether it is ready, and which version it runs. Needs no login.")
    .option("--url <URL>", `the server (SAMPAN_URL, default: ${defaultUrl})`)
    .option("--json", "print JSON")
    .addHelpText("after", examples)
    .action((options) => status(terminal, options));
}

const infoPath = "/api/v2.0/systeminfo";

const examples = `
Exit code 0 when the server is ready, 1 when it is not or does not answer.

Examples:
  sampan status
  sampan status --url https://registry.example.com --json
`;

interface StatusOptions {
  readonly url?: string;
  readonly json?: boolean;
}

interface Report {
  readonly url: string;
  readonly ready: boolean;
  /** Null where the server does not say. */
  readonly version: string | null;
  readonly auth: string | null;
}

async function status(terminal: Terminal, options: StatusOptions): Promise<void> {
  const server = createServerClient(serverUrl(terminal, options.url), null);
  const ready = await server.ask("GET", "/readyz");
  const { body } = await server.ask("GET", infoPath);
  const report: Report = {
    url: server.url,
    ready: ready.status === 200,
    version: textField(body, "harbor_version"),
    auth: textField(body, "auth_mode"),
  };
  if (options.json === true) printJson(terminal, report);
  else if (report.ready) terminal.out(render(report));
  if (report.ready) return;
  throw new CommandFailure(`${server.url} is not ready (GET /readyz answered ${ready.status})`);
}

function render({ url, version, auth }: Report): string {
  const facts = [
    ["version", version],
    ["auth", auth],
  ].filter((fact) => fact[1] !== null);
  const lines = facts.map(([name, value]) => `  ${name?.padEnd(10)}${printable(value ?? "")}`);
  return `${[`${url} is ready`, ...lines].join("\n")}\n`;
}

function textField(body: unknown, name: string): string | null {
  if (typeof body !== "object" || body === null) return null;
  const value = new Map(Object.entries(body)).get(name);
  return typeof value === "string" ? value : null;
}
