// `sampan gc status`: what waits to be freed, and for what it waits.

import type { ApiGcStatus } from "@sampan/registry/schema";
import type { Command } from "commander";
import { printJson, printTable } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { connect, type ServerOptions } from "./server-client.ts";
import { addServerOptions, loginHelp } from "./server-options.ts";
import { binarySize } from "./sizes.ts";

const statusPath = "/api/v2.0/system/gc/status";

export function addGc(program: Command, terminal: Terminal): void {
  const gc = program
    .command("gc")
    .summary("see what is being freed")
    .description("What no image names is freed by itself, while pushes go on.");

  const statusCommand = gc
    .command("status")
    .summary("what waits to be freed")
    .description("Show what waits to be freed. Asks as administrator.")
    .addHelpText("after", `${loginHelp}${help}`)
    .action((options) => status(terminal, options));
  addServerOptions(statusCommand);
}

const help = `
Stages, each a row of the table:
  to look at   references were taken away: looked at within seconds
  young        came lately: looked at when the grace time is over
  condemned    nothing names it: deleted when the grace time is over,
               unless a push names it

The grace time is the setting gcGrace (SAMPAN_GC_GRACE).

Examples:
  sampan gc status
  sampan gc status --json | jq .condemned.bytes`;

async function status(terminal: Terminal, options: ServerOptions): Promise<void> {
  const server = await connect(terminal, options);
  const body = (await server.demand("GET", statusPath)).body as ApiGcStatus;
  if (options.json === true) {
    printJson(terminal, body);
    return;
  }
  await printTable(
    terminal,
    ["STAGE", "BLOBS", "MANIFESTS", "LINKS", "SIZE", "OLDEST"],
    [
      row("to look at", body.to_look_at),
      row("young", body.young),
      row("condemned", body.condemned),
    ],
  );
  const seconds = body.grace_seconds;
  terminal.out(`grace time ${seconds} s; a link is a repository's hold on a blob\n`);
}

function row(name: string, stage: ApiGcStatus["condemned"]): string[] {
  const more = stage.complete ? "" : "+";
  const counts = [stage.blobs, stage.manifests, stage.links].map((count) => `${count}${more}`);
  const oldest = stage.oldest?.replace(/\.\d+Z$/, "Z") ?? "-";
  return [name, ...counts, `${binarySize(stage.bytes)}${more}`, oldest];
}
