// `sampan status`: is the server there, ready, and which one is it?

import type { ApiSystemInfo } from "@sampan/registry/schema";
import type { Command } from "commander";
import { CommandFailure } from "../failure.ts";
import { printable, printJson } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { connect, type ServerOptions } from "./server-client.ts";
import { addServerOptions, loginHelp } from "./server-options.ts";

export function addStatus(program: Command, terminal: Terminal): void {
  const command = program
    .command("status")
    .summary("ask a server how it is")
    .description("Ask a server whether it is ready. Its version it tells logged-in users only.")
    .addHelpText("after", `${loginHelp}${examples}`)
    .action((options) => status(terminal, options));
  addServerOptions(command);
}

const infoPath = "/api/v2.0/systeminfo";

const examples = `
Exit code 0 when the server is ready, 1 when it is not or does not answer.

Examples:
  sampan status
  sampan status --url https://registry.example.com --json`;

interface Report {
  readonly url: string;
  readonly ready: boolean;
  /** Null where the server does not say. */
  readonly version: string | null;
  /** `password` or `none`; of a server of another make its own word. */
  readonly auth: string | null;
  /** As whom it was asked; null: as nobody. */
  readonly user: string | null;
}

async function status(terminal: Terminal, options: ServerOptions): Promise<void> {
  const server = await connect(terminal, options);
  const ready = await server.ask("GET", "/readyz");
  const answer = await server.ask("GET", infoPath);
  if (answer.status === 401 || answer.status === 429) throw server.refused(answer);
  const { body } = answer;
  const info: Partial<ApiSystemInfo> = typeof body === "object" && body !== null ? body : {};
  const report: Report = {
    url: server.url,
    ready: ready.status === 200,
    version: info.sampan_version ?? null,
    auth: info.sampan_auth ?? info.auth_mode ?? null,
    user: server.user,
  };
  if (options.json === true) printJson(terminal, report);
  else if (report.ready) terminal.out(render(report));
  if (report.ready) return;
  throw new CommandFailure(`${server.url} is not ready (GET /readyz answered ${ready.status})`);
}

function render({ url, version, auth, user }: Report): string {
  const facts = [
    ["version", version ?? (user === null ? "log in to see it" : "unknown")],
    ["auth", authWords(auth)],
    ["user", user ?? "anonymous"],
  ];
  const lines = facts.map(([name, value]) => `  ${name?.padEnd(10)}${printable(value ?? "")}`);
  return `${[`${url} is ready`, ...lines].join("\n")}\n`;
}

function authWords(auth: string | null): string {
  if (auth === null) return "unknown";
  return auth === "none" ? "none: everyone may do everything" : auth;
}
