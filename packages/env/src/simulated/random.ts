// Chance that replays: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number
// generators", 2018), 32-bit words, which JavaScript multiplies exactly. Every process and every
// site has a stream of its own, derived from the seed and a name, so that a draw added in one place
// does not shift all others.

import { createHash } from "node:crypto";
import type { Random } from "../env.ts";
import { assert } from "../errors.ts";

const wordRange = 2 ** 32;

export interface SimulatedRandom extends Random {
  /** The state in hexadecimal: two runs that drew differently differ here. */
  state(): string;
}

export function createSimulatedRandom(seed: number, stream: string): SimulatedRandom {
  const state = initialState(seed, stream);
  const word = (): number => nextWord(state);
  const bytes = (count: number): Uint8Array => randomBytes(word, count);
  return {
    int: (below) => randomInt(word, below),
    fraction: () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53,
    bytes,
    uuid: () => uuidOf(bytes(16)),
    state: () => Array.from(state, (part) => part.toString(16)).join("."),
  };
}

/** The hash keeps streams apart however alike their names and seeds are. */
function initialState(seed: number, stream: string): Uint32Array {
  const hash = createHash("sha256").update(`${seed}/${stream}`).digest();
  return Uint32Array.from([0, 4, 8, 12], (offset) => hash.readUInt32LE(offset));
}

/** One step of xoshiro128**: changes the four words of `state` and gives the next output. */
export function nextWord(state: Uint32Array): number {
  const s0 = state[0] ?? 0;
  const s1 = state[1] ?? 0;
  const s2 = state[2] ?? 0;
  const s3 = state[3] ?? 0;
  const scrambled = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
  const t2 = s2 ^ s0;
  const t3 = s3 ^ s1;
  state[0] = s0 ^ t3;
  state[1] = s1 ^ t2;
  state[2] = t2 ^ (s1 << 9);
  state[3] = rotateLeft(t3, 11);
  return scrambled;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** Draws again above the last multiple of `below`, so that every number is equally likely. */
function randomInt(word: () => number, below: number): number {
  assert(Number.isInteger(below) && below >= 1 && below <= wordRange, `a number below ${below}`);
  const limit = wordRange - (wordRange % below);
  for (;;) {
    const drawn = word();
    if (drawn < limit) return drawn % below;
  }
}

function randomBytes(word: () => number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (; offset + 4 <= count; offset += 4) view.setUint32(offset, word(), true);
  for (; offset < count; offset += 1) bytes[offset] = word() & 0xff;
  return bytes;
}

/** RFC 9562, section 5.4: 122 random bits, version 4, variant 10. */
function uuidOf(bytes: Uint8Array): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString("hex");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return [...parts, hex.slice(20)].join("-");
}
