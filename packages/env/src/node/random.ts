// Chance from the operating system's secure source: fit for tokens, passwords and upload names.

import { randomBytes, randomInt, randomUUID } from "node:crypto";
import type { Random } from "../env.ts";
import { assert } from "../errors.ts";

const fractionBits = 47;

export function createNodeRandom(): Random {
  return {
    int: (below) => {
      assert(Number.isInteger(below) && below >= 1 && below <= 2 ** 32, `a number below ${below}`);
      return randomInt(below);
    },
    // randomInt ends at 2^48; a fraction of 47 bits is fine enough for every use of chance.
    fraction: () => randomInt(2 ** fractionBits) / 2 ** fractionBits,
    bytes: (count) => randomBytes(count),
    uuid: () => randomUUID(),
  };
}
