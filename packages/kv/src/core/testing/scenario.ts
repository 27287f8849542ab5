// Scenario scripts: commands and the output they had when somebody last looked at it, in one text.
//
//   # A comment.
//   === what the scenario shows                 each has a world of its own
//   command key=value flag                      what the world does
//   input line                                  optional
//   ----
//   output line                                 until the next empty line
//
// The output is compared, or written anew when the run rewrites: then read the diff.

export interface Scenario {
  readonly name: string;
  readonly parts: readonly Part[];
}

type Part =
  | { readonly type: "text"; readonly line: string }
  | { readonly type: "step"; readonly step: Step };

export interface Step {
  /** 1-based, in the file. */
  readonly line: number;
  readonly command: Command;
  readonly source: readonly string[];
  readonly expected: readonly string[];
}

export interface Command {
  readonly name: string;
  readonly arguments: ReadonlyMap<string, string>;
  readonly input: readonly string[];
}

export interface Script {
  readonly preamble: readonly string[];
  readonly scenarios: readonly Scenario[];
}

const scenarioMark = "=== ";
const outputMark = "----";

export function parseScript(text: string): Script {
  const lines = text.replace(/\n+$/, "").split("\n");
  const starts = lines.flatMap((line, index) => (line.startsWith(scenarioMark) ? [index] : []));
  const scenarios = starts.map((start, index) => {
    const end = starts[index + 1] ?? lines.length;
    const name = (lines[start] ?? "").slice(scenarioMark.length);
    return { name, parts: parseParts(lines, start + 1, end) };
  });
  return { preamble: lines.slice(0, starts[0] ?? lines.length), scenarios };
}

function parseParts(lines: readonly string[], start: number, end: number): Part[] {
  const parts: Part[] = [];
  let at = start;
  while (at < end) {
    const line = lines[at] ?? "";
    if (line === "" || line.startsWith("#")) {
      parts.push({ type: "text", line });
      at += 1;
      continue;
    }
    const mark = lines.indexOf(outputMark, at);
    if (mark < 0 || mark >= end) throw new Error(`line ${at + 1}: ${outputMark} is missing`);
    let last = mark + 1;
    while (last < end && lines[last] !== "") last += 1;
    const source = lines.slice(at, mark);
    const expected = lines.slice(mark + 1, last);
    const command = parseCommand(line, source.slice(1));
    parts.push({ type: "step", step: { line: at + 1, command, source, expected } });
    at = last;
  }
  return parts;
}

/** `name key=value flag`; a value may stand in double quotes and then be empty or hold blanks. */
function parseCommand(line: string, input: readonly string[]): Command {
  const words = line.match(/[^\s"=]+(=("[^"]*"|\S*))?/g) ?? [];
  const [name = "", ...rest] = words;
  const values = rest.map((word): [string, string] => {
    const at = word.indexOf("=");
    if (at < 0) return [word, ""];
    return [word.slice(0, at), word.slice(at + 1).replace(/^"(.*)"$/, "$1")];
  });
  return { name, arguments: new Map(values), input };
}

export interface Played {
  /** The steps whose output differs, each with both. */
  readonly differences: readonly string[];
  /** The scenario as it would be written now. */
  readonly text: string;
}

/** Plays a scenario in a new world: `run` answers the lines of output of a command. */
export function playScenario(
  scenario: Scenario,
  run: (command: Command) => readonly string[],
): Played {
  const differences: string[] = [];
  const lines = [`${scenarioMark}${scenario.name}`];
  for (const part of scenario.parts) {
    if (part.type === "text") {
      lines.push(part.line);
      continue;
    }
    const { step } = part;
    const output = run(step.command);
    lines.push(...step.source, outputMark, ...output);
    if (output.join("\n") !== step.expected.join("\n")) {
      differences.push(difference(step, output));
    }
  }
  return { differences, text: lines.join("\n") };
}

function difference(step: Step, output: readonly string[]): string {
  const indent = (lines: readonly string[]) => lines.map((line) => `    ${line}`).join("\n");
  const head = `line ${step.line}: ${step.source.join(" / ")}`;
  return [head, "  expected", indent(step.expected), "  got", indent(output)].join("\n");
}
