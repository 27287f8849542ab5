// Who may import whom: the arrows of the house, in one place. boundaries.test.ts walks every
// import, and ARCHITECTURE.md's table is written from here.

import { dirname, join, normalize } from "node:path";

export interface Area {
  /** Folder or file, from the root; the longest match owns a file. */
  readonly path: string;
  /** Areas it may take values and types from, besides itself. */
  readonly values: readonly string[];
  /** Areas it may take types from only. */
  readonly types?: readonly string[];
  /** Why, or what to do instead: shown when an arrow is broken. */
  readonly why: string;
}

const pureNote = "core decides and has no effects: pass data in, or move the effect to the shell";

export const areas: readonly Area[] = [
  { path: "packages/env", values: [], why: "env is the floor: it knows no other package" },
  { path: "packages/oci/src/model", values: [], why: "the image model is pure and stands alone" },
  {
    path: "packages/oci/src/testing",
    values: ["packages/oci/src/model"],
    why: "builds images only",
  },
  {
    path: "packages/oci/src/remote",
    values: ["packages/oci/src/model", "packages/env"],
    why: "the client of any registry must not know ours",
  },
  { path: "packages/rocksdb", values: [], why: "the addon is publishable alone" },
  { path: "packages/kv/src/core", values: [], types: ["packages/env"], why: pureNote },
  {
    path: "packages/kv/src/engine",
    values: ["packages/env"],
    why: "an engine knows no transactions",
  },
  {
    path: "packages/kv/src/engine/rocksdb.ts",
    values: ["packages/kv/src/engine", "packages/env", "packages/rocksdb"],
    why: "the one file that knows the addon",
  },
  {
    path: "packages/kv/src/txn",
    values: ["packages/env"],
    types: ["packages/kv/src/core"],
    why: "the contract of transactions must not know an implementation",
  },
  {
    path: "packages/kv/src/embedded",
    values: [
      "packages/kv/src/core",
      "packages/kv/src/engine",
      "packages/kv/src/txn",
      "packages/env",
    ],
    why: "the embedded store composes core and an engine; it must not know RocksDB",
  },
  {
    path: "packages/registry/src/core",
    values: ["packages/oci/src/model"],
    types: ["packages/env", "packages/registry"],
    why: pureNote,
  },
  {
    path: "packages/registry",
    values: ["packages/oci", "packages/env", "packages/kv/src/txn"],
    why: "of the store the registry knows the contract (kv/txn) only: it also runs on a cluster",
  },
  {
    path: "packages/server",
    values: ["packages/env", "packages/oci", "packages/kv", "packages/registry"],
    why: "the composition root uses public faces",
  },
  {
    path: "packages/cli",
    values: ["packages/env", "packages/server", "packages/registry/src/schema.ts"],
    why: "admin verbs speak to a server over HTTP and see the schema only",
  },
  {
    path: "packages/cli/src/artifact",
    values: ["packages/cli", "packages/env", "packages/oci/src/model", "packages/oci/src/remote"],
    why: "artifact verbs work with any registry and must not know ours",
  },
  { path: "packages/sim", values: ["packages"], why: "a composition root" },
  { path: "bench", values: ["packages"], why: "a composition root" },
  { path: "test", values: ["packages"], why: "a composition root" },
  { path: "tools", values: ["packages", "tools"], why: "a composition root" },
];

/** Longest path that holds the file. */
export function areaOf(file: string): Area | null {
  const owners = areas.filter((area) => file === area.path || file.startsWith(`${area.path}/`));
  return owners.reduce<Area | null>(
    (best, area) => (best === null || area.path.length > best.path.length ? area : best),
    null,
  );
}

export interface Import {
  readonly specifier: string;
  readonly typesOnly: boolean;
  readonly line: number;
}

const statement = /^\s*(import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm;
const dynamic = /\bimport\(\s*"([^"]+)"\s*\)/g;

/** All imports and re-exports of a source text. A name list of `type` members only counts as types. */
export function importsOf(text: string): Import[] {
  const lineAt = (offset: number) => text.slice(0, offset).split("\n").length;
  const found: Import[] = [];
  for (const match of text.matchAll(statement)) {
    const specifier = match[3] ?? "";
    const braces = /\{([^}]*)\}/.exec(match[0])?.[1];
    const members = braces
      ?.split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "");
    const allTypes = members?.every((name) => name.startsWith("type ")) ?? false;
    const typesOnly = match[2] !== undefined || allTypes;
    found.push({ specifier, typesOnly, line: lineAt((match.index ?? 0) + match[0].search(/\S/)) });
  }
  for (const match of text.matchAll(dynamic)) {
    found.push({ specifier: match[1] ?? "", typesOnly: false, line: lineAt(match.index ?? 0) });
  }
  return found;
}

/** The file that a specifier names, null when it is not of this repository. */
export function resolveImport(from: string, specifier: string, faces: Faces): string | null {
  if (specifier.startsWith(".")) return normalize(join(dirname(from), specifier));
  return faces.get(specifier) ?? null;
}

/** Public specifier (`@sampan/kv/txn`) → source file, of every package. */
export type Faces = ReadonlyMap<string, string>;

/** Null when the arrow is allowed, else what is wrong with it. */
export function brokenArrow(from: string, to: string, typesOnly: boolean): string | null {
  const source = areaOf(from);
  const target = areaOf(to);
  if (source === null) return `${from} belongs to no area: give it one in tools/boundaries.ts`;
  if (target === null) return `${to} belongs to no area: give it one in tools/boundaries.ts`;
  if (source === target) return null;
  const may = [source.path, ...source.values, ...(typesOnly ? (source.types ?? []) : [])];
  if (may.some((path) => to === path || to.startsWith(`${path}/`))) return null;
  const what = typesOnly ? "types" : "values";
  const list = may.join(", ");
  return `${source.path} must not take ${what} from ${target.path} (${source.why}); it may from ${list}`;
}

/** The table of ARCHITECTURE.md. */
export function renderArrows(): string {
  const short = (path: string) => path.replace("packages/", "").replace("/src", "");
  const rows = areas.map((area) => {
    const values = area.values.map(short).join(", ") || "nothing";
    const types = (area.types ?? []).map(short).join(", ");
    const all = types === "" ? values : `${values}; types of ${types}`;
    return `| \`${short(area.path)}\` | ${all} | ${area.why} |`;
  });
  return ["| part | may import | because |", "|---|---|---|", ...rows].join("\n");
}
