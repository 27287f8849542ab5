// `npm run sim -- NAME [--seed N] [--count N] [--minutes M] [--json FILE]`

import { simulations } from "./simulations/index.ts";

export interface CommandLine {
  readonly name: string;
  /** The first seed; null: drawn. */
  readonly seed: number | null;
  /** How many seeds, rising by one; null: as many as fit into the minutes. */
  readonly count: number | null;
  readonly minutes: number | null;
  readonly json: string | null;
}

export type Parsed =
  | { readonly type: "run"; readonly command: CommandLine }
  | { readonly type: "help" }
  | { readonly type: "wrong"; readonly why: string };

export const seedMax = 2 ** 31 - 1;
/** Seeds of a run that was given none. */
const countDefault = 20;

const options = ["seed", "count", "minutes", "json"] as const;
type Option = (typeof options)[number];

export function usage(): string {
  const names = simulations.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`);
  return [
    "usage: npm run sim -- NAME [--seed N] [--count N] [--minutes M] [--json FILE]",
    "",
    ...names,
    "",
    "  --seed N     the first seed; without it one is drawn and printed",
    `  --count N    how many seeds; 1 with a seed, ${countDefault} without`,
    "  --minutes M  seeds until so many minutes have passed",
    "  --json FILE  the result as JSON",
  ].join("\n");
}

export function parseCommandLine(words: readonly string[]): Parsed {
  if (words.includes("--help")) return { type: "help" };
  const given = new Map<Option, string>();
  const names: string[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? "";
    if (!word.startsWith("--")) {
      names.push(word);
      continue;
    }
    const option = options.find((name) => word === `--${name}`);
    const value = words[index + 1];
    if (option === undefined) return { type: "wrong", why: `there is no option ${word}` };
    if (value === undefined) return { type: "wrong", why: `${word} needs a value` };
    given.set(option, value);
    index += 1;
  }
  const [name, more] = names;
  if (name === undefined) return { type: "wrong", why: "a simulation's name is missing" };
  if (more !== undefined)
    return { type: "wrong", why: `one simulation at a time, not ${more} too` };
  return commandOf(name, given);
}

function commandOf(name: string, given: ReadonlyMap<Option, string>): Parsed {
  const seed = numberOf(given.get("seed"), { min: 0, max: seedMax });
  const count = numberOf(given.get("count"), { min: 1, max: 1_000_000 });
  const minutes = numberOf(given.get("minutes"), { min: 1, max: 10_000 });
  for (const [option, value] of Object.entries({ seed, count, minutes })) {
    if (value === "wrong") return { type: "wrong", why: `--${option} is no number in range` };
  }
  const whole = (value: number | "wrong" | null) => (value === "wrong" ? null : value);
  const byDefault = seed === null ? countDefault : 1;
  const isEndless = count === null && minutes !== null;
  return {
    type: "run",
    command: {
      name,
      seed: whole(seed),
      count: isEndless ? null : (whole(count) ?? byDefault),
      minutes: whole(minutes),
      json: given.get("json") ?? null,
    },
  };
}

function numberOf(
  text: string | undefined,
  range: { readonly min: number; readonly max: number },
): number | "wrong" | null {
  if (text === undefined) return null;
  const number = Number(text);
  const isWhole = /^\d+$/.test(text) && number >= range.min && number <= range.max;
  return isWhole ? number : "wrong";
}
