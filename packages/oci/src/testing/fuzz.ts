// Tests that feed bytes nobody would send. Every round has a seed of its own and draws all its
// chances from it, so that a failure names the one round that repeats it:
//
//   SAMPAN_FUZZ_SEED=1234 npm test -- model/fuzz         that round alone
//   SAMPAN_FUZZ_ROUNDS=1000000 npm test -- model/fuzz    more rounds than there are by default

import test from "node:test";
import type { RandomSource } from "./seeded-random.ts";
import { seededRandom } from "./seeded-random.ts";

export interface FuzzOptions {
  readonly name: string;
  /** Of a run by default; sized for a second or so. */
  readonly rounds: number;
}

/** One test; `round` fails by throwing. */
export function fuzz(
  { name, rounds }: FuzzOptions,
  round: (random: RandomSource) => void | Promise<void>,
): void {
  test(name, async () => {
    for (const seed of seedsOf(rounds)) {
      try {
        await round(seededRandom(seed));
      } catch (error) {
        throw new Error(`round with SAMPAN_FUZZ_SEED=${seed} failed`, { cause: error });
      }
    }
  });
}

function* seedsOf(rounds: number): Generator<number> {
  const one = numberFrom("SAMPAN_FUZZ_SEED");
  if (one !== null) {
    yield one;
    return;
  }
  const count = numberFrom("SAMPAN_FUZZ_ROUNDS") ?? rounds;
  for (let seed = 1; seed <= count; seed += 1) yield seed;
}

function numberFrom(name: string): number | null {
  const text = process.env[name];
  if (text === undefined || text === "") return null;
  if (!/^[0-9]{1,10}$/.test(text)) throw new Error(`${name} is not a whole number: ${text}`);
  return Number(text);
}

/** Letters that mean something to one of our parsers, and some that mean nothing to any. */
const alphabet = "abz019-_./:@%\\\0 \n~ABZ[]{}=,;*\"'&?+#<>bytes=sha256:é\u212a\ud800";

export function randomText(random: RandomSource, charsMax = 80): string {
  const length = random.int(charsMax);
  return Array.from({ length }, () => alphabet[random.int(alphabet.length)] ?? "").join("");
}

export function pick<Item>(random: RandomSource, items: readonly [Item, ...Item[]]): Item {
  return items[random.int(items.length)] ?? items[0];
}

/** One to four changes: a letter replaced, taken out, a slice repeated, or noise put in. */
export function mutateText(random: RandomSource, text: string): string {
  let mutant = text;
  for (let count = 1 + random.int(4); count > 0; count -= 1) {
    const at = random.int(mutant.length + 1);
    const [before, after] = [mutant.slice(0, at), mutant.slice(at)];
    switch (random.int(5)) {
      case 0:
        mutant = before + (alphabet[random.int(alphabet.length)] ?? "") + after.slice(1);
        break;
      case 1:
        mutant = before + after.slice(1);
        break;
      case 2:
        mutant = before + mutant.slice(random.int(at + 1), at) + after;
        break;
      case 3:
        mutant = before + randomText(random, 8) + after;
        break;
      default:
        mutant = before + "0123456789".slice(random.int(10)).repeat(1 + random.int(8)) + after;
    }
  }
  return mutant;
}

/** One to four changes: a byte replaced, taken out, or a slice repeated. */
export function mutateBytes(random: RandomSource, bytes: Uint8Array): Uint8Array {
  let mutant = Buffer.from(bytes);
  for (let count = 1 + random.int(4); count > 0; count -= 1) {
    const at = random.int(mutant.length);
    const change = random.int(3);
    if (change === 0) mutant[at] = random.int(256);
    else if (change === 1)
      mutant = Buffer.concat([mutant.subarray(0, at), mutant.subarray(at + 1)]);
    else mutant = Buffer.concat([mutant.subarray(0, at), mutant.subarray(random.int(at + 1))]);
  }
  return mutant;
}
