// "Did you mean …?": the known word nearest to a misspelt one. Pure.

/** Longer words are taken for no slip of a hand, and cost too much to compare. */
const givenLengthMax = 64;

/** The nearest of `known`, or null when none is near enough to be a slip of the hand. */
export function suggest(given: string, known: Iterable<string>): string | null {
  if (given.length > givenLengthMax) return null;
  const limit = Math.max(1, Math.floor(given.length / 4));
  let nearest: string | null = null;
  let least = limit + 1;
  for (const word of known) {
    const edits = editDistance(given.toLowerCase(), word.toLowerCase());
    if (edits < least) [nearest, least] = [word, edits];
  }
  return nearest;
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let edits = Math.min(substitution, at(last, j) + 1, at(row, j - 1) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) edits = Math.min(edits, at(beforeLast, j - 2) + 1);
      row.push(edits);
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
