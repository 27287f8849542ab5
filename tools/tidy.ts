// The house rules that a machine can see and the linter does not know. tidy.test.ts applies them;
// each rule says what to use instead. A line may break a rule by saying why: `// tidy: <reason>`.

export interface Rule {
  readonly pattern: RegExp;
  readonly instead: string;
  readonly where: (file: string) => boolean;
}

const isCode = (file: string) => file.endsWith(".ts") && !file.endsWith(".test.ts");

/** Code that also runs simulated: all it knows of time and chance comes from its Env. */
export function runsSimulated(file: string): boolean {
  if (!isCode(file) || !file.startsWith("packages/")) return false;
  if (file.startsWith("packages/kv/src/engine/rocksdb")) return false;
  const packages = ["packages/kv/", "packages/registry/src/meta/", "packages/registry/src/events/"];
  return packages.some((path) => file.startsWith(path)) || isCore(file);
}

/** Takes time and chance from its Env too, though it never runs simulated. */
function takesEnv(file: string): boolean {
  const packages = ["packages/registry/", "packages/oci/", "packages/kv/"];
  return isCode(file) && packages.some((path) => file.startsWith(path));
}

function isCore(file: string): boolean {
  return isCode(file) && file.includes("/src/core/");
}

const everywhere = (file: string) => file.endsWith(".ts") && file !== "tools/tidy.ts";
const inPackages = (file: string) => isCode(file) && file.startsWith("packages/");

export const rules: readonly Rule[] = [
  { pattern: /\bDate\.now\(|\bnew Date\(\)/, instead: "env.clock.now()", where: takesEnv },
  { pattern: /\bperformance\.now\(/, instead: "env.clock.monotonic()", where: takesEnv },
  {
    pattern: /\b(setTimeout|setInterval)\(/,
    instead: "env.clock.timer or sleep",
    where: takesEnv,
  },
  { pattern: /\bAbortSignal\.timeout\(/, instead: "env.clock.timer", where: takesEnv },
  {
    pattern: /\bMath\.random\(|\brandomUUID\(|\brandomBytes\(/,
    instead: "env.random",
    where: takesEnv,
  },
  { pattern: /\bconsole\./, instead: "env.log", where: takesEnv },
  {
    pattern: /\bsetImmediate\(|\bqueueMicrotask\(|\bprocess\.(?!env\b)/,
    instead: "an event of the Env (a simulated run must equal its replay)",
    where: runsSimulated,
  },
  {
    pattern:
      /\bfetch\(|\bcrypto\.subtle\b|\bfs\.promises\b|\bWeakRef\b|\bFinalizationRegistry\b|\bAtomics\b/,
    instead: "a seam (a simulated run must equal its replay)",
    where: runsSimulated,
  },
  {
    pattern: /\basync\b|\bawait\b|\bPromise\b/,
    instead: "events in, actions out",
    where: isCore,
  },
  {
    pattern: /\bFIXME\b|\bTODO\b|\bXXX\b/,
    instead: "an issue, or the work itself",
    where: everywhere,
  },
  { pattern: /@ts-ignore|@ts-nocheck/, instead: "the right type", where: everywhere },
  {
    pattern: /instanceof Error\b/,
    instead: "errorCode or errorMessage of @sampan/env (foreign errors cross realms)",
    where: inPackages,
  },
];

/** The formatter keeps code at 100; a string or a docstring of one line may stick out a little. */
export const lineCharactersMax = 110;
export const fileLinesMax = 600;
export const fileNamesForbidden = ["utils", "helpers", "common", "misc", "types", "manager"];

export interface Finding {
  readonly line: number;
  readonly text: string;
}

/** Comments do not run, so the ban list does not read them. */
export function withoutComment(line: string): string {
  const trimmed = line.trimStart();
  if (trimmed.startsWith("//") || trimmed.startsWith("*") || trimmed.startsWith("/*")) return "";
  return line.replace(/(^|[^:"'`])\/\/ .*$/, "$1");
}

export function findings(file: string, text: string): Finding[] {
  const active = rules.filter((rule) => rule.where(file));
  const found: Finding[] = [];
  text.split("\n").forEach((line, index) => {
    if (line.includes("// tidy: ")) return;
    const code = withoutComment(line);
    for (const rule of active) {
      const match = rule.pattern.exec(code);
      if (match !== null)
        found.push({ line: index + 1, text: `'${match[0]}': use ${rule.instead}` });
    }
    if (file.endsWith(".ts") && line.length > lineCharactersMax) {
      found.push({
        line: index + 1,
        text: `${line.length} characters, ${lineCharactersMax} at most`,
      });
    }
  });
  return found;
}
