// Seeds that once failed, kept in seeds.txt and replayed by a test for ever:
//
//   # why the next one is here
//   NAME SEED

export interface KeptSeed {
  readonly simulation: string;
  readonly seed: number;
}

/** Throws on a line that is none. */
export function parseSeeds(text: string): readonly KeptSeed[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return [];
    const words = /^(\S+) (\d+)$/.exec(line);
    if (words === null) throw new Error(`seeds.txt, line ${index + 1}: NAME SEED expected`);
    return [{ simulation: words[1] ?? "", seed: Number(words[2]) }];
  });
}
