// The face of the command line: help everywhere, exit codes, one line per error.

import { equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "commander";
import { createProgram, main } from "./main.ts";
import { createTestTerminal } from "./testing/terminal.ts";

async function run(...argv: string[]) {
  const terminal = createTestTerminal();
  const code = await main(argv, terminal);
  return { code, out: terminal.output(), err: terminal.errors() };
}

/** Every command with the words that lead to it. */
function allCommands(command: Command, words: readonly string[] = []): [string[], Command][] {
  const below = command.commands.filter((child) => child.name() !== "help");
  const found = below.flatMap((child) => allCommands(child, [...words, child.name()]));
  return [[[...words], command], ...found];
}

const commands = allCommands(createProgram(createTestTerminal()));

test("every command has help with a sentence, and an example where it does something", async () => {
  for (const [words, command] of commands) {
    const { code, out } = await run(...words, "--help");
    equal(code, 0, words.join(" "));
    match(out, /^Usage: sampan/);
    match(command.description(), /^[A-Z].*\.$/, words.join(" "));
    if (command.commands.length === 0 && words[0] !== "version") match(out, /\nExamples:\n/);
  }
});

test("help fits a terminal", async () => {
  for (const [words] of commands) {
    const { out } = await run(...words, "--help");
    for (const line of out.split("\n")) ok(line.length <= 80, line);
  }
});

test("the settings of the server are flags of up, but for the password", async () => {
  const { out } = await run("up", "--help");
  match(out, /--listen <HOST:PORT>/);
  match(out, /SAMPAN_LISTEN/);
  ok(!out.includes("admin-password"), "a password must not be a flag");
});

test("the version is the package's, in words and as JSON", async () => {
  match((await run("version")).out, /^sampan \d+\.\d+\.\d+ \(Node \d+/);
  match((await run("--version")).out, /^\d+\.\d+\.\d+\n$/);
  match(JSON.parse((await run("version", "--json")).out).version, /^\d+\.\d+\.\d+$/);
});

test("what cannot be understood ends with 2 and one line that says what is meant", async () => {
  const check = async (argv: string[], expected: RegExp) => {
    const { code, err, out } = await run(...argv);
    equal(code, 2, argv.join(" "));
    equal(out, "");
    match(err, /^sampan: [^\n]*\n$/, argv.join(" "));
    match(err, expected);
  };
  await check(["upp"], /unknown command 'upp'.*up/);
  await check(["project", "creat"], /unknown command 'creat'.*create/);
  await check(["project", "create"], /missing required argument 'NAME'/);
  await check(["status", "--jsn"], /unknown option '--jsn'.*--json/);
  await check(["up", "--lisen", "x"], /unknown option '--lisen'.*--listen/);
  await check(["up", "extra"], /too many arguments/);
  await check(["up", "--listen", "8080"], /--listen: "8080" is no address; give HOST:PORT/);
  await check(["up", "--auth", "none", "--listen", ":80"], /--auth: none would let everyone/);
  await check(
    ["up", "--config", "/nonexistent.yaml"],
    /no such configuration file; check --config/,
  );
  await check(["serve", "kv"], /unknown command 'kv'/);
});

test("a password on the command line is refused with the place where it goes", async () => {
  const check = async (line: string, expected: RegExp) => {
    const { code, err, out } = await run(...line.split(" "));
    equal(code, 2, line);
    equal(out, "");
    match(err, /^sampan: --[a-z-]+ is no option, [^\n]*\n$/, line);
    match(err, expected);
    ok(!err.includes("hunter2"), "the password is shown");
  };
  const places = /in SAMPAN_ADMIN_PASSWORD, or as adminPassword in the file of --config\n$/;
  await check("up --admin-password hunter2-hunter2", places);
  await check("up --admin-password=hunter2", places);
  await check("up --admin-password", places);
  await check("serve registry --nonsense --admin-password hunter2", places);
  const here = /in SAMPAN_PASSWORD, or with --password-stdin\n$/;
  await check("status --password hunter2", here);
  await check("project list --password hunter2", here);
  await check("project create --password hunter2 team", here);
  await check("user reset-password --password hunter2 admin", /give it with --password-stdin\n$/);
});

test("help is one text: options begin small, arguments are capitals, no blank line ends it", async () => {
  for (const [words, command] of commands) {
    const { out } = await run(...words, "--help");
    match(out, /[^\n]\n$/, words.join(" "));
    for (const { description, flags } of command.createHelp().visibleOptions(command)) {
      ok(!/^[A-Z][a-z]|\.$/.test(description), `${flags}: ${description}`);
    }
    for (const argument of command.registeredArguments) match(argument.name(), /^[A-Z]+$/);
  }
});

test("without a verb the help says what there is", async () => {
  const { code, err } = await run();
  equal(code, 2);
  match(err, /project {2,}create and list projects/);
});
