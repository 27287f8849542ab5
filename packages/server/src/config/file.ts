// The configuration file: one flat YAML mapping of setting names to single values.

import { readFile, stat } from "node:fs/promises";
import { errorCode, errorMessage } from "@sampan/env";
import type { Given, Layer } from "./layer.ts";
import { type SettingName, settingNames, settings } from "./settings.ts";
import { suggest } from "./suggestion.ts";

const fileBytesMax = 1024 * 1024;

/** The layer of the file at `path`. A file that cannot be read is a problem of the layer. */
export async function readFileLayer(path: string): Promise<Layer> {
  try {
    const { size } = await stat(path);
    if (size > fileBytesMax)
      return refused(`${path}: has ${size} bytes, more than ${fileBytesMax}`);
    return await parseFile(path, await readFile(path, "utf8"));
  } catch (error) {
    return refused(`${path}: ${readFailure(error)}`);
  }
}

/** `path` is for messages. The parser is loaded here because most starts have no file. */
export async function parseFile(path: string, text: string): Promise<Layer> {
  const { isMap, isScalar, LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (node: unknown): number => lines.linePos(offsetOf(node)).line;

  const broken = document.errors[0];
  if (broken !== undefined) {
    return refused(`${path}:${lines.linePos(broken.pos[0]).line}: ${broken.message}`);
  }
  if (document.contents === null) return { given: new Map(), problems: [], warnings: [] };
  if (!isMap(document.contents)) return refused(`${path}:1: is no mapping of settings to values`);

  const given = new Map<SettingName, Given>();
  const problems: string[] = [];
  for (const { key, value } of document.contents.items) {
    const word = isScalar(key) ? String(key.value) : "";
    const name = settingNames.find((candidate) => candidate === word);
    const where = `${path}:${lineOf(key)}: ${word}`;
    if (name === undefined) problems.push(`${where} is no setting; ${wayOut(word)}`);
    else if (!isScalar(value) || value.value === null) {
      problems.push(`${where} needs a single value; give ${settings[name].kind.allowed}`);
    } else given.set(name, { text: value.source ?? String(value.value), where });
  }
  return { given, problems, warnings: warningsOf(given) };
}

function refused(problem: string): Layer {
  return { given: new Map(), problems: [problem], warnings: [] };
}

function offsetOf(node: unknown): number {
  if (typeof node !== "object" || node === null || !("range" in node)) return 0;
  return Array.isArray(node.range) ? Number(node.range[0]) : 0;
}

function wayOut(word: string): string {
  const meant = suggest(word, settingNames);
  return meant === null ? `known are ${settingNames.join(", ")}` : `did you mean ${meant}?`;
}

function warningsOf(given: ReadonlyMap<SettingName, Given>): string[] {
  const password = given.get("adminPassword");
  if (password === undefined) return [];
  return [`${password.where} lies readable in a file; SAMPAN_ADMIN_PASSWORD is the safer place`];
}

function readFailure(error: unknown): string {
  switch (errorCode(error)) {
    case "ENOENT":
      return "no such configuration file; check --config or SAMPAN_CONFIG";
    case "EACCES":
      return "may not be read by this user";
    case "EISDIR":
      return "is a directory, not a configuration file";
    default:
      return `cannot be read: ${errorMessage(error)}`;
  }
}
