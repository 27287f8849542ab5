// One source of settings as text with the place each came from, and the layers that need no file:
// the environment and the flags. file.ts makes the third. Pure.

import { environmentNameOf, flagOf, type SettingName, settingNames } from "./settings.ts";
import { suggest } from "./suggestion.ts";

export interface Given {
  readonly text: string;
  /** For messages: `--listen`, `SAMPAN_LISTEN`, `sampan.yaml:3: listen`. */
  readonly where: string;
}

export interface Layer {
  readonly given: ReadonlyMap<SettingName, Given>;
  /** Whole lines, each with its place, cause and way out. A layer with problems is not used. */
  readonly problems: readonly string[];
  /** Whole lines that do not stop the start. */
  readonly warnings: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** `flags` holds the text of each flag that was given, under the setting's name. */
export function readFlags(flags: Readonly<Partial<Record<SettingName, string>>>): Layer {
  const given = new Map<SettingName, Given>();
  for (const name of settingNames) {
    const text = flags[name];
    if (text !== undefined) given.set(name, { text, where: flagOf(name) });
  }
  return { given, problems: [], warnings: [] };
}

/**
 * An empty variable counts as not set. Variables are shared with others, so that one which is
 * nothing like a setting is only mentioned; one that looks like a slip of the hand is refused.
 * `alsoKnown` are names that mean something elsewhere, such as `SAMPAN_URL`.
 */
export function readEnvironment(environment: Environment, alsoKnown: readonly string[]): Layer {
  const given = new Map<SettingName, Given>();
  const problems: string[] = [];
  const warnings: string[] = [];
  const names = new Map(settingNames.map((name) => [environmentNameOf(name), name]));
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith("SAMPAN_") || text === undefined || text === "") continue;
    const name = names.get(variable);
    if (name !== undefined) given.set(name, { text, where: variable });
    else if (!alsoKnown.includes(variable) && !isServiceLink(variable, text)) {
      const meant = nearestVariable(variable, [...names.keys(), ...alsoKnown]);
      if (meant === null) warnings.push(`${variable}: is no setting and was ignored`);
      else problems.push(`${variable}: is no setting; did you mean ${meant}?`);
    }
  }
  return { given, problems, warnings };
}

/** Kubernetes and Docker set these in every container beside a service named `sampan…`. */
function isServiceLink(variable: string, text: string): boolean {
  if (/_SERVICE_(HOST|PORT)(_\w+)?$/.test(variable)) return true;
  if (/_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?$/.test(variable)) return true;
  return variable.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//.test(text);
}

function nearestVariable(variable: string, known: readonly string[]): string | null {
  const longer = known.find((name) => variable.startsWith(`${name}_`));
  if (longer !== undefined) return longer;
  const suffixes = known.map((name) => name.slice("SAMPAN_".length));
  const meant = suggest(variable.slice("SAMPAN_".length), suffixes);
  return meant === null ? null : `SAMPAN_${meant}`;
}
