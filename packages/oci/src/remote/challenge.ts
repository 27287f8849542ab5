// What headers of an answer say: the challenges of a 401 (RFC 9110, section 11.6.1, as registries
// use it) and the next page of a list (RFC 8288).

export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const headerCharsMax = 8_192;
const challengesMax = 16;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quoted = '"((?:[^"\\\\]|\\\\.)*)"';
const schemeAt = new RegExp(`\\s*,?\\s*(${token})(?=\\s|,|$)(?!\\s*=)`, "y");
const parameterAt = new RegExp(`\\s*,?\\s*(${token})\\s*=\\s*(?:${quoted}|(${token}))`, "y");

/** The challenges in their order; what cannot be read ends the list. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  if (header.length > headerCharsMax) return challenges;
  let at = 0;
  while (challenges.length < challengesMax) {
    const scheme = matchAt(schemeAt, header, at);
    if (scheme === null) break;
    const parameters = new Map<string, string>();
    at = readParameters(header, scheme.end, parameters);
    challenges.push({ scheme: (scheme.groups[0] ?? "").toLowerCase(), parameters });
  }
  return challenges;
}

/** The target of `rel="next"`, null when there is none. */
export function parseNextLink(header: string | null): string | null {
  if (header === null || header.length > headerCharsMax) return null;
  for (const match of header.matchAll(/<([^>]*)>([^,<]*)/g)) {
    if (/;\s*rel\s*=\s*(?:"next"|next)(?:\s|;|$)/i.test(match[2] ?? "")) return match[1] ?? null;
  }
  return null;
}

/** Seconds of a `Retry-After` in milliseconds; a date, which needs the clock, counts as absent. */
export function parseRetryAfter(header: string | null): number | null {
  return header !== null && /^[0-9]{1,6}$/.test(header) ? Number(header) * 1000 : null;
}

function readParameters(header: string, start: number, into: Map<string, string>): number {
  let at = start;
  for (;;) {
    const parameter = matchAt(parameterAt, header, at);
    if (parameter === null) return at;
    const [name = "", text, bare] = parameter.groups;
    into.set(name.toLowerCase(), text?.replace(/\\(.)/g, "$1") ?? bare ?? "");
    at = parameter.end;
  }
}

function matchAt(
  pattern: RegExp,
  text: string,
  at: number,
): { groups: (string | undefined)[]; end: number } | null {
  const sticky = new RegExp(pattern.source, "y");
  sticky.lastIndex = at;
  const match = sticky.exec(text);
  return match === null ? null : { groups: match.slice(1), end: sticky.lastIndex };
}
