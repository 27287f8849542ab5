// `npm run crash -- registry`: its options, and the line that repeats a series.

import type { SeriesOptions } from "./series.ts";

/** The syncs that can be taken out, to prove that the rounds would notice: patterns of paths. */
const syncs: Readonly<Record<string, readonly string[]>> = {
  blob: ["blobs/*[!/]"],
  directory: ["*/"],
  log: ["*.log"],
  // Directories by themselves.
  "blob-directory": ["blobs/*/"],
  "store-directory": ["kv/"],
};

const roundsDefault = 20;
const roundsMax = 1_000_000;
const seedDefault = 1;
const seedMax = 2 ** 31 - 1;

export const usage = `usage: npm run crash -- registry [--rounds N] [--seed N] [--power-loss]
                                 [--without-fsync X] [--collect] [--json FILE]

  registry           pushes, deletes and kill -9 against a server of its own

  --rounds N         how often the server is killed, 1 to ${roundsMax} (${roundsDefault})
  --seed N           of the first round, 0 to ${seedMax}; the others count up (${seedDefault})
  --power-loss       what was not synced is lost with the kill
  --without-fsync X  power-loss rounds that must fail, for these syncs do nothing; X is one of
                     ${Object.keys(syncs).join(", ")}
  --collect          longer rounds, in which the collector frees what nothing refers to
  --json FILE        write what was measured there
  --help             show this

Exit code 0: nothing was lost; 1: something was, and the line that repeats it is printed; 2: the
command line is wrong, or this machine cannot do it.
`;

export interface CommandLine {
  readonly series: SeriesOptions;
  /** What repeats the series. */
  readonly line: string;
  readonly json: string | null;
}

export type Parsed =
  | { readonly type: "run"; readonly command: CommandLine }
  | { readonly type: "help" }
  | { readonly type: "wrong"; readonly why: string };

const valued = ["--rounds", "--seed", "--without-fsync", "--json"] as const;
type Valued = (typeof valued)[number];

export function parseCommandLine(words: readonly string[]): Parsed {
  if (words.includes("--help") || words.includes("-h")) return { type: "help" };
  const given = new Map<Valued, string>();
  const names: string[] = [];
  let powerLoss = false;
  let collect = false;
  for (let index = 0; index < words.length; index += 1) {
    const [word, inline] = splitAtEquals(words[index] ?? "");
    const option = valued.find((name) => name === word);
    if (option !== undefined) {
      const value = inline ?? words[index + 1];
      if (value === undefined || value === "") return wrong(`${option} needs a value`);
      if (given.has(option)) return wrong(`${option} is given twice`);
      if (inline === undefined) index += 1;
      given.set(option, value);
    } else if (word === "--power-loss" && inline === undefined) powerLoss = true;
    else if (word === "--collect" && inline === undefined) collect = true;
    else if (word.startsWith("-")) return wrong(`there is no option ${words[index]}`);
    else names.push(word);
  }
  const [name, more] = names;
  if (name === undefined) return wrong("what to crash is missing: registry");
  if (name !== "registry") return wrong(`there is nothing to crash called ${name}: registry is`);
  if (more !== undefined) return wrong(`one thing at a time, not ${more} too`);
  return commandOf(given, { powerLoss, collect });
}

function splitAtEquals(word: string): [string, string | undefined] {
  const equals = word.startsWith("--") ? word.indexOf("=") : -1;
  return equals === -1 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

function commandOf(
  given: ReadonlyMap<Valued, string>,
  flags: { readonly powerLoss: boolean; readonly collect: boolean },
): Parsed {
  const rounds = readNumber(given.get("--rounds") ?? String(roundsDefault), 1, roundsMax);
  if (rounds === null) return outOfRange("--rounds", given, `1 to ${roundsMax}`);
  const seed = readNumber(given.get("--seed") ?? String(seedDefault), 0, seedMax);
  if (seed === null) return outOfRange("--seed", given, `0 to ${seedMax}`);
  const without = given.get("--without-fsync");
  const ignored = without === undefined ? [] : Object.hasOwn(syncs, without) && syncs[without];
  if (!ignored) {
    return wrong(`--without-fsync ${without}: give one of ${Object.keys(syncs).join(", ")}`);
  }
  const { collect } = flags;
  const powerLoss = flags.powerLoss || ignored.length > 0;
  const line = ["npm run crash -- registry", `--seed ${seed}`, `--rounds ${rounds}`];
  if (powerLoss) line.push("--power-loss");
  if (without !== undefined) line.push(`--without-fsync ${without}`);
  if (collect) line.push("--collect");
  const series = { seed, rounds, powerLoss, ignored, collect };
  return {
    type: "run",
    command: { series, line: line.join(" "), json: given.get("--json") ?? null },
  };
}

function readNumber(text: string, min: number, max: number): number | null {
  const number = Number(text);
  return /^\d+$/.test(text) && number >= min && number <= max ? number : null;
}

function outOfRange(option: Valued, given: ReadonlyMap<Valued, string>, range: string): Parsed {
  return wrong(`${option} ${given.get(option)}: give a whole number, ${range}`);
}

function wrong(why: string): Parsed {
  return { type: "wrong", why };
}
