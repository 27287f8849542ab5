// Chance that repeats from its seed, for tests and generators of test data. The shape is the part
// of env's Random that they need, so that either can be passed.

export interface RandomSource {
  /** A whole number, 0 ≤ n < `below`; `below` is at most 2^32. */
  int(below: number): number;
  bytes(count: number): Uint8Array;
}

/** xoshiro128++ (Blackman and Vigna), its state filled from the seed by splitmix32. */
export function seededRandom(seed: number): RandomSource {
  // Four variables and not an array: images of hundreds of megabytes are drawn from here.
  let [a = 0, b = 0, c = 0, d = 0] = splitmix(seed);
  const next = (): number => {
    const result = (rotateLeft((a + d) | 0, 7) + a) >>> 0;
    const mixed = c ^ a;
    const last = d ^ b;
    const shifted = b << 9;
    b ^= mixed;
    a ^= last;
    c = mixed ^ shifted;
    d = rotateLeft(last, 11);
    return result;
  };
  return {
    int: (below) => Math.floor((next() / 2 ** 32) * below),
    bytes: (count) => {
      const words = new Uint32Array(Math.ceil(count / 4));
      for (let index = 0; index < words.length; index++) words[index] = next();
      return new Uint8Array(words.buffer, 0, count);
    },
  };
}

function splitmix(seed: number): Uint32Array {
  const state = new Uint32Array(4);
  let counter = seed | 0;
  for (let index = 0; index < state.length; index++) {
    counter = (counter + 0x9e3779b9) | 0;
    let word = counter ^ (counter >>> 16);
    word = Math.imul(word, 0x21f0aaad);
    word ^= word >>> 15;
    word = Math.imul(word, 0x735a2d97);
    state[index] = word ^ (word >>> 15);
  }
  return state;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
