// How JSON from outside is built, before it is parsed. JSON.parse takes a second and a hundred
// megabytes for 4 MiB of brackets, and nobody else is served meanwhile; counting them takes
// milliseconds. What is no JSON passes: the parser says so better.

export interface JsonBounds {
  /** Objects and lists within each other. */
  readonly depthMax: number;
  /** Objects and lists altogether. */
  readonly containersMax: number;
  /** Fields of all objects together. */
  readonly membersMax: number;
}

const quote = 0x22;
const backslash = 0x5c;

/** Null, or which bound the UTF-8 text of a JSON value exceeds. */
export function exceededBound(
  bytes: Uint8Array,
  { depthMax, containersMax, membersMax }: JsonBounds,
): keyof JsonBounds | null {
  let depth = 0;
  let containers = 0;
  let members = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case quote:
        at = endOfString(bytes, at);
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        containers += 1;
        if (depth > depthMax) return "depthMax";
        if (containers > containersMax) return "containersMax";
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      case 0x3a: // :
        members += 1;
        if (members > membersMax) return "membersMax";
        break;
    }
  }
  return null;
}

/** The place of the quote that ends the string that begins at `start`, or the end of the text. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let at = start; ; ) {
    at = bytes.indexOf(quote, at + 1);
    if (at === -1) return bytes.length;
    if (!isEscaped(bytes, at)) return at;
  }
}

/** An odd number of backslashes before it: each pair is one backslash of the text. */
function isEscaped(bytes: Uint8Array, at: number): boolean {
  let before = at - 1;
  while (bytes[before] === backslash) before -= 1;
  return (at - 1 - before) % 2 === 1;
}
