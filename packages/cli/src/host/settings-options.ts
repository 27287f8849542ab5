// Turns the server's table of settings into flags, and what was given into a configuration.

import {
  environmentNameOf,
  flagOf,
  type ResolvedConfig,
  readEnvironment,
  readFileLayer,
  readFlags,
  resolveConfig,
  type SettingName,
  settingNames,
  settings,
} from "@sampan/server/config";
import { type Command, Option } from "commander";
import { CommandFailure } from "../failure.ts";
import { refuseSecretFlag } from "../secret-flag.ts";
import type { Terminal } from "../terminal.ts";

/** Variables that mean something to the command line, not to the server. */
const commandVariables = ["SAMPAN_CONFIG", "SAMPAN_URL", "SAMPAN_USER", "SAMPAN_PASSWORD"];

export { settingNames } from "@sampan/server/config";

export type SettingsOptions = Readonly<Partial<Record<SettingName, string | true>>> & {
  readonly config?: string;
};

export function addSettings(command: Command, names: readonly SettingName[]): Command {
  command.option("--config <FILE>", "YAML file of settings [SAMPAN_CONFIG]");
  for (const name of names) {
    if (settings[name].flag) command.addOption(new Option(syntaxOf(name), descriptionOf(name)));
    else refuseSecretFlag(command, flagOf(name), secretPlaces(name));
  }
  return command;
}

export async function resolveSettings(
  terminal: Terminal,
  options: SettingsOptions,
): Promise<ResolvedConfig> {
  const { environment } = terminal;
  const file = options.config ?? (environment["SAMPAN_CONFIG"] || undefined);
  const resolved = resolveConfig([
    ...(file === undefined ? [] : [await readFileLayer(file)]),
    readEnvironment(environment, commandVariables),
    readFlags(flagTexts(options)),
  ]);
  if (!resolved.ok) throw new CommandFailure(resolved.error.join("\n"), 2);
  return resolved.value;
}

function flagTexts(options: SettingsOptions): Partial<Record<SettingName, string>> {
  const given = settingNames.filter((name) => options[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, String(options[name])]));
}

function syntaxOf(name: SettingName): string {
  const { kind } = settings[name];
  return kind.name === "boolean"
    ? `${flagOf(name)} [true|false]`
    : `${flagOf(name)} <${kind.placeholder}>`;
}

/** As help has it everywhere: clauses that begin small, without a full stop at the end. */
function descriptionOf(name: SettingName): string {
  const { absent, default: fallback, description } = settings[name];
  const clauses = description.replace(/\.$/, "").split(/\. (?=[A-Z`])/);
  const text = clauses.map((clause) => clause.charAt(0).toLowerCase() + clause.slice(1)).join("; ");
  const otherwise = `[${environmentNameOf(name)}, default: ${fallback ?? absent}]`;
  return `${text} ${otherwise}`.replaceAll("`", "");
}

function secretPlaces(name: SettingName): string {
  return `in ${environmentNameOf(name)}, or as ${name} in the file of --config`;
}
