// Fails with the arrow that is broken and what to use instead.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { brokenArrow, type Faces, importsOf, renderArrows, resolveImport } from "./boundaries.ts";
import { readTree, root, treeFiles } from "./tree.ts";

const files = treeFiles();
const sources = files.filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"));
const manifests = files.filter((path) => /^packages\/[^/]+\/package\.json$/.test(path));
const faces = publicFaces();

interface Manifest {
  readonly name: string;
  readonly exports?: Record<string, { readonly source: string }>;
  readonly dependencies?: Record<string, string>;
}

function manifestOf(path: string): Manifest {
  return JSON.parse(readTree(path));
}

function publicFaces(): Faces {
  const map = new Map<string, string>();
  for (const path of manifests) {
    const manifest = manifestOf(path);
    for (const [face, target] of Object.entries(manifest.exports ?? {})) {
      const file = join(path.replace("/package.json", ""), target.source);
      map.set(face === "." ? manifest.name : `${manifest.name}/${face.slice(2)}`, file);
    }
  }
  return map;
}

/** Tests see any public face; so do the suites that tests share. */
function isTest(file: string): boolean {
  return file.endsWith(".test.ts") || file.includes("/testing/");
}

test("every import follows the arrows of the house", () => {
  const broken: string[] = [];
  for (const file of sources) {
    for (const { specifier, typesOnly, line } of importsOf(readTree(file))) {
      const at = `${file}:${line}: `;
      const target = resolveImport(file, specifier, faces);
      if (target === null) {
        const ours = specifier.startsWith("@sampan/");
        if (ours)
          broken.push(`${at}${specifier} is no public face of its package (see its exports)`);
        continue;
      }
      const crosses = packageOf(file) !== packageOf(target);
      if (crosses && specifier.startsWith(".")) {
        broken.push(`${at}reaches into ${packageOf(target)} by path: import its public face`);
      }
      const reason = isTest(file) ? null : brokenArrow(file, target, typesOnly);
      if (reason !== null) broken.push(at + reason);
    }
  }
  assert.deepEqual(broken, []);
});

function packageOf(file: string): string {
  return file.startsWith("packages/")
    ? file.split("/").slice(0, 2).join("/")
    : (file.split("/")[0] ?? "");
}

test("every public face names a file that is there", () => {
  const missing = [...faces].filter(([, file]) => !files.includes(file)).map(([face]) => face);
  assert.deepEqual(missing, []);
});

test("core takes nothing from Node but the synchronous hash", () => {
  const broken: string[] = [];
  for (const file of sources.filter((path) => path.includes("/core/") && !isTest(path))) {
    for (const { specifier, typesOnly, line } of importsOf(readTree(file))) {
      if (specifier.startsWith("node:") && !typesOnly && specifier !== "node:crypto") {
        broken.push(`${file}:${line}: ${specifier}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

test("no file reaches itself through its imports", () => {
  const edges = new Map(sources.map((file) => [file, valueTargets(file)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: string[]) => {
    const start = path.indexOf(file);
    if (start >= 0) cycles.push([...path.slice(start), file].join(" → "));
    if (start >= 0 || done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
  assert.deepEqual(cycles, []);
});

function valueTargets(file: string): string[] {
  return importsOf(readTree(file))
    .filter((entry) => !entry.typesOnly)
    .map((entry) => resolveImport(file, entry.specifier, faces))
    .filter((target) => target !== null);
}

test("every runtime dependency is pinned exactly and has its line in the dependencies record", () => {
  const record = readTree("docs/adr/0004-dependencies.md");
  const broken: string[] = [];
  for (const path of manifests) {
    for (const [name, version] of Object.entries(manifestOf(path).dependencies ?? {})) {
      if (name.startsWith("@sampan/")) continue;
      if (!/^\d+\.\d+\.\d+$/.test(version)) broken.push(`${path}: ${name} ${version} is not exact`);
      if (!record.includes(`\`${name}\``))
        broken.push(`${path}: ${name} has no line in the record`);
    }
  }
  assert.deepEqual(broken, []);
});

test("a package imports only what its own manifest names", () => {
  const broken: string[] = [];
  for (const file of sources.filter((path) => path.startsWith("packages/") && !isTest(path))) {
    const manifest = manifestOf(`${packageOf(file)}/package.json`);
    for (const { specifier, line } of importsOf(readTree(file))) {
      const own = specifier.startsWith(".") || specifier.startsWith("node:");
      const name = specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/");
      if (own || name === manifest.name) continue;
      if (manifest.dependencies?.[name] === undefined) broken.push(`${file}:${line}: ${name}`);
    }
  }
  assert.deepEqual(broken, []);
});

test("the table of arrows in ARCHITECTURE.md is the one in tools/boundaries.ts", () => {
  const page = readTree("ARCHITECTURE.md");
  const block = /(<!-- arrows -->\n)[\s\S]*?(\n<!-- \/arrows -->)/;
  assert.match(page, block);
  const fresh = page.replace(block, (_, open, close) => `${open}${renderArrows()}${close}`);
  if (process.env["SAMPAN_REWRITE"] === "1") writeFileSync(join(root, "ARCHITECTURE.md"), fresh);
  else assert.equal(page, fresh, "run: npm test -- tools/boundaries --rewrite");
});
