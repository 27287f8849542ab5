// `sampan status`: is the server there, ready, and which one is it?

import type { ApiSystemInfo } from "@sampan/registry/schema";
import type { Command } from "commander";
import { CommandFailure } from "../failure.ts";
import { printable, printJson } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { connect, type ServerOptions } from "./server-client.ts";
import { addServerOptions, loginHelp } from "./server-options.ts";

export function addStatus(program: Command, terminal: Terminal): void {
  addServerOptions(program.command("status"))
    .summary("ask a server how it is")
    .description("Ask a server whether it is ready. Its version it tells only who has logged in.")
    .option("--json", "print JSON")
    .addHelpText("after", `${loginHelp}${examples}`)
    .action((options) => status(terminal, options));
}

const infoPath = "/api/v2.0/systeminfo";

const examples = `
Exit code 0 when the server is ready, 1 when it is not or does not answer.

Examples:
  sampan status
  sampan status --url https://registry.example.com --json
`;

interface StatusOptions extends ServerOptions {
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
  const server = await connect(terminal, options);
  const ready = await server.ask("GET", "/readyz");
  const { body, status: told } = await server.ask("GET", infoPath);
  if (told === 401) throw new CommandFailure(`${server.url} refused the user or the password`);
  const info: Partial<ApiSystemInfo> = typeof body === "object" && body !== null ? body : {};
  const report: Report = {
    url: server.url,
    ready: ready.status === 200,
    version: ownVersion(info.harbor_version),
    auth: info.auth_mode ?? null,
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

/** Clients of Harbor's API read its version first; ours stands behind: `v2.15.0-sampan.0.1.0`. */
function ownVersion(version: string | undefined): string | null {
  return version?.replace(/^.*-sampan\./, "") ?? null;
}
