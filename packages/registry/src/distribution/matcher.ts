// Finds the route of a path. Names have slashes in the middle, so a path is read from its end: the
// last component and the word before it decide. // hot path

import { assert } from "@sampan/env";
import type { Route } from "./routes.ts";

export type Match =
  | {
      readonly type: "route";
      readonly route: Route;
      /** The repository's name, not yet parsed; empty where the route has none. */
      readonly name: string;
      /** The parameter in the last place; empty where the route has none. */
      readonly argument: string;
    }
  | { readonly type: "no-path" }
  /** The path cannot be decoded. */
  | { readonly type: "bad-path" }
  | { readonly type: "no-method"; readonly allowed: readonly string[] };

export type Matcher = (method: string, path: string) => Match;

/** `/v2/{name}/<before>/<word>/<last>`, or without `before`. */
interface Tail {
  readonly before: string | null;
  /** Null: any text that is not empty. */
  readonly last: string | null;
  readonly methods: Map<string, Route>;
}

const prefix = "/v2/";
const nameParameter = "{name}";
const noPath = { type: "no-path" } as const;

export function createMatcher(routes: readonly Route[]): Matcher {
  const fixed = new Map<string, Map<string, Route>>();
  const tails = new Map<string, Tail[]>();
  for (const route of routes) {
    if (route.path.startsWith(prefix + nameParameter))
      methodsOfTail(tails, route).set(route.method, route);
    else methodsOf(fixed, route.path).set(route.method, route);
  }
  return (method, sent) => {
    const path = decode(sent);
    if (path === null) return { type: "bad-path" };
    const methods = fixed.get(path === "/v2" ? prefix : path);
    if (methods !== undefined) return pick(methods, method, { name: "", argument: "" });
    return matchTail(tails, method, path);
  };
}

function matchTail(tails: Map<string, Tail[]>, method: string, path: string): Match {
  const lastSlash = path.lastIndexOf("/");
  const wordSlash = path.lastIndexOf("/", lastSlash - 1);
  if (!path.startsWith(prefix) || wordSlash < prefix.length) return noPath;
  const candidates = tails.get(path.slice(wordSlash + 1, lastSlash));
  if (candidates === undefined) return noPath;
  const last = path.slice(lastSlash + 1);
  for (const { before, last: literal, methods } of candidates) {
    if (literal === null ? last === "" : last !== literal) continue;
    const nameEnd = before === null ? wordSlash : wordSlash - before.length - 1;
    if (before !== null && path.slice(nameEnd, wordSlash) !== `/${before}`) continue;
    const name = path.slice(prefix.length, nameEnd);
    return pick(methods, method, { name, argument: literal === null ? last : "" });
  }
  return noPath;
}

function pick(
  methods: Map<string, Route>,
  method: string,
  found: { readonly name: string; readonly argument: string },
): Match {
  const route = methods.get(method);
  if (route === undefined) return { type: "no-method", allowed: [...methods.keys()] };
  return { type: "route", route, name: found.name, argument: found.argument };
}

/** Most paths hold no escape. What comes out is parsed as a name before it is used for anything. */
function decode(path: string): string | null {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

function methodsOf(fixed: Map<string, Map<string, Route>>, path: string): Map<string, Route> {
  const methods = fixed.get(path) ?? new Map<string, Route>();
  fixed.set(path, methods);
  return methods;
}

function methodsOfTail(tails: Map<string, Tail[]>, route: Route): Map<string, Route> {
  const parts = route.path.slice(prefix.length + nameParameter.length + 1).split("/");
  const [last, word, before = null] = parts.reverse();
  assert(last !== undefined && word !== undefined && parts.length <= 3, `path ${route.path}`);
  const literal = last.startsWith("{") ? null : last;
  const candidates = tails.get(word) ?? [];
  tails.set(word, candidates);
  const known = candidates.find((tail) => tail.before === before && tail.last === literal);
  if (known !== undefined) return known.methods;
  const tail = { before, last: literal, methods: new Map<string, Route>() };
  // A literal is more special than a parameter, whatever the order of the table.
  if (literal === null) candidates.push(tail);
  else candidates.unshift(tail);
  return tail.methods;
}
