// Harbor's query language for lists: `q=name=~lib,public=true`, and `sort=-creation_time,name`.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";

export interface Condition {
  readonly field: string;
  readonly value: string;
  /** `=~`: the value is somewhere inside. */
  readonly fuzzy: boolean;
}

/** A sentence about what cannot be read, or what no list of this kind knows. */
export function parseFilter(
  q: string | undefined,
  fields: readonly string[],
): Result<Condition[], string> {
  const conditions: Condition[] = [];
  for (const part of (q ?? "").split(",")) {
    if (part === "") continue;
    const match = /^([a-z_A-Z]+)=(~?)(.*)$/.exec(part);
    if (match === null) return err(`q has a part that is no condition: ${JSON.stringify(part)}`);
    const [, field = "", tilde, value = ""] = match;
    if (!fields.includes(field))
      return err(`q cannot ask for ${field}, only for ${fields.join(", ")}`);
    conditions.push({ field, value, fuzzy: tilde === "~" });
  }
  return ok(conditions);
}

export function matches(
  conditions: readonly Condition[],
  item: Readonly<Record<string, string>>,
): boolean {
  return conditions.every(({ field, value, fuzzy }) => {
    const own = item[field] ?? "";
    return fuzzy ? own.includes(value) : own === value;
  });
}

/** Compares by the fields of `sort`, in their order; a field with `-` in front falls. */
export function parseSort<Item>(
  sort: string | undefined,
  fields: Readonly<Record<string, (item: Item) => string | number>>,
): Result<(a: Item, b: Item) => number, string> {
  const orders: ((a: Item, b: Item) => number)[] = [];
  for (const part of (sort ?? "").split(",")) {
    if (part === "") continue;
    const falling = part.startsWith("-");
    const name = falling ? part.slice(1) : part;
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) {
      return err(`sort knows ${Object.keys(fields).join(", ")}, not ${JSON.stringify(name)}`);
    }
    orders.push((a, b) => compare(field(a), field(b)) * (falling ? -1 : 1));
  }
  return ok((a, b) => orders.map((order) => order(a, b)).find((sign) => sign !== 0) ?? 0);
}

function compare(a: string | number, b: string | number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
