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

/**
 * A `Retry-After` in milliseconds from the answer on (RFC 9110, section 10.2.3). `date` is the
 * answer's own `Date`: a time that is named is later than that by the wait, whatever our clock says.
 */
export function parseRetryAfter(header: string | null, date: string | null): number | null {
  if (header === null) return null;
  if (/^[0-9]{1,6}$/.test(header)) return Number(header) * 1000;
  const waitMs = httpDate(header) - httpDate(date ?? "");
  return Number.isNaN(waitMs) ? null : Math.max(waitMs, 0);
}

/** Milliseconds; NaN for what is no date of HTTP (Date.parse alone takes almost anything). */
function httpDate(text: string): number {
  return /^[A-Z][a-z]{2,8}, .{8,20} GMT$/.test(text) ? Date.parse(text) : Number.NaN;
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
