// The command line: `sampan <noun> <verb>`. One file per noun; what is heavy is loaded by the
// command that needs it.

import { errorCode, errorMessage } from "@sampan/env";
import { Command, CommanderError } from "commander";
import { addGc } from "./admin/gc.ts";
import { addProject } from "./admin/project.ts";
import { addStatus } from "./admin/status.ts";
import { addStore } from "./admin/store.ts";
import { addArtifact } from "./artifact/artifact.ts";
import { CommandFailure } from "./failure.ts";
import { addServe } from "./host/serve.ts";
import { addUp } from "./host/up.ts";
import { addUser } from "./host/user.ts";
import type { Terminal } from "./terminal.ts";
import { addVersion, readVersion } from "./version.ts";

export type { Terminal } from "./terminal.ts";

/** `argv` without the program. Resolves to the exit code: 0, 1 failure, 2 usage. */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await createProgram(terminal).parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    return exitCodeOf(error, terminal);
  }
}

export function createProgram(terminal: Terminal): Command {
  const program = new Command("sampan");
  program
    .description("Keeps, moves and guards container images: a registry on a store of its own.")
    .version(readVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show the help of a command")
    .configureHelp({ subcommandTerm: (command) => command.name(), showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      outputError: (text, write) => write(`sampan: ${oneLine(text)}\n`),
    })
    .exitOverride()
    .addHelpText("after", examples);
  for (const add of [
    addUp,
    addServe,
    addStatus,
    addProject,
    addUser,
    addGc,
    addStore,
    addArtifact,
    addVersion,
  ]) {
    add(program, terminal);
  }
  return program;
}

const examples = `
Examples:
  sampan up                       run everything here, on 127.0.0.1:8080
  sampan status                   ask it how it is
  sampan project create team-a    a private project, as admin

Each command shows more with --help. Settings: docs/reference/configuration.md.`;

function exitCodeOf(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof CommandFailure) {
    for (const line of error.message.split("\n")) terminal.err(`sampan: ${line}\n`);
    return error.exitCode;
  }
  // The world failed, which its message explains; or we are wrong, and the stack says where.
  const explained = errorCode(error) !== null || !hasStack(error);
  terminal.err(`sampan: ${explained ? errorMessage(error) : error.stack}\n`);
  return 1;
}

function hasStack(error: unknown): error is { readonly stack: string } {
  return typeof error === "object" && error !== null && "stack" in error;
}

/** commander says "error: …" and puts its suggestion on a line of its own. */
function oneLine(text: string): string {
  return text
    .replace(/^error: /, "")
    .trim()
    .replace(/\s*\n\s*/g, " ");
}
