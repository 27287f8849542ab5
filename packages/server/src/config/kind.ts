// The kinds of value a setting can have: how each is written and read. Pure. File, environment and
// flags all give text, so that a value means the same wherever it is set.

import { isIP } from "node:net";
import { assert, err, ok, type Result } from "@sampan/env";
import type { Network } from "@sampan/registry";

export interface Kind<Value> {
  /** One word for help and reference: `duration`. */
  readonly name: string;
  /** What stands between the angle brackets of a flag: `HOST:PORT`. */
  readonly placeholder: string;
  /** What is allowed, as the end of a sentence: `a duration such as 30s, 15m or 24h`. */
  readonly allowed: string;
  /** The error is a clause without subject: `is no duration`. */
  parse(text: string): Result<Value, string>;
}

/** A place to listen on. An empty host means every address of the machine. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export const address: Kind<Address> = {
  name: "address",
  placeholder: "HOST:PORT",
  allowed: "HOST:PORT, such as 127.0.0.1:8080, [::1]:8080 or :8080 for every address",
  parse(text) {
    const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]*)):(\d{1,5})$/.exec(text);
    if (parts === null) return err("is no address");
    const port = Number(parts[3]);
    if (port > 65_535) return err("has a port above 65535");
    return ok({ host: parts[1] ?? parts[2] ?? "", port });
  },
};

export const httpUrl: Kind<string> = {
  name: "URL",
  placeholder: "URL",
  allowed: "an http or https URL without path, such as https://registry.example.com",
  parse(text) {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) return err("is no http or https URL");
    if (url.username !== "" || url.password !== "") return err("contains credentials");
    if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
      return err("has a path, query or fragment");
    }
    return ok(url.origin);
  },
};

export const directory: Kind<string> = {
  name: "directory",
  placeholder: "DIR",
  allowed: "the path of a directory",
  parse: (text) => (text.includes("\0") ? err("contains a NUL byte") : ok(text)),
};

export const file: Kind<string> = {
  name: "file",
  placeholder: "FILE",
  allowed: "the path of a file",
  parse: (text) => (text.includes("\0") ? err("contains a NUL byte") : ok(text)),
};

/** A single address is the network of it alone. */
export const networks: Kind<readonly Network[]> = {
  name: "networks",
  placeholder: "CIDR,…",
  allowed: "networks such as 10.0.0.0/8, 192.0.2.7 or fd00::/8, with commas between; or none",
  parse(text) {
    if (text.trim() === "none") return ok([]);
    const parsed = text.split(",").map((part) => readNetwork(part.trim()));
    const found = parsed.filter((network) => network !== null);
    return found.length < parsed.length ? err("is no list of networks") : ok(found);
  },
};

function readNetwork(text: string): Network | null {
  const [, address = "", prefix] = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return null;
  const [family, most] = version === 4 ? (["ipv4", 32] as const) : (["ipv6", 128] as const);
  const bits = prefix === undefined ? most : Number(prefix);
  return bits > most ? null : { address, bits, family };
}

/** A whole number of things. */
export function count(limits: { readonly min: number; readonly max: number }): Kind<number> {
  const { min, max } = limits;
  return {
    name: "count",
    placeholder: "COUNT",
    allowed: `a whole number from ${min} to ${max}`,
    parse(text) {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : null;
      if (value === null) return err("is no whole number");
      if (value < min) return err(`is below ${min}`);
      return value > max ? err(`is above ${max}`) : ok(value);
    },
  };
}

/** Not trimmed, never shown in a message. */
export function secret(limits: { readonly min: number; readonly max: number }): Kind<string> {
  return {
    name: "secret",
    placeholder: "TEXT",
    allowed: `${limits.min} to ${limits.max} characters`,
    parse(text) {
      const count = [...text].length;
      if (count < limits.min) return err("is too short");
      return count > limits.max ? err("is too long") : ok(text);
    },
  };
}

export function choice<const Word extends string>(words: readonly Word[]): Kind<Word> {
  return {
    name: "word",
    placeholder: words.join("|"),
    allowed: words.length === 2 ? words.join(" or ") : `one of ${words.join(", ")}`,
    parse(text) {
      const word = words.find((candidate) => candidate === text);
      return word === undefined ? err("is not one of the words") : ok(word);
    },
  };
}

export const toggle: Kind<boolean> = {
  name: "boolean",
  placeholder: "",
  allowed: "true or false",
  parse(text) {
    if (text === "true") return ok(true);
    return text === "false" ? ok(false) : err("is no boolean");
  },
};

/** A kind whose value can also be the word `off`, read as null. */
export function orOff<Value>(kind: Kind<Value>): Kind<Value | null> {
  return {
    ...kind,
    placeholder: `${kind.placeholder}|off`,
    allowed: `${kind.allowed}; or off`,
    parse: (text) => (text === "off" ? ok(null) : kind.parse(text)),
  };
}

export interface Bounds {
  /** As they would be written: `10s`, `1GiB`. Both belong to what is allowed. */
  readonly min: string;
  readonly max: string;
}

/** In milliseconds. A bare number has no unit and is refused: nobody could say what it means. */
export function duration(bounds: Bounds): Kind<number> {
  const sample = "a duration such as 500ms, 30s, 15m, 24h or 7d";
  return quantity(durationUnits, { name: "duration", sample, ...bounds });
}

/** In bytes. Binary and decimal units differ: 1MiB is 1048576, 1MB is 1000000. */
export function size(bounds: Bounds): Kind<number> {
  return quantity(sizeUnits, {
    name: "size",
    sample: "a size such as 512KiB, 64MiB or 1GiB",
    ...bounds,
  });
}

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnits = {
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

type Units = Readonly<Record<string, number>>;

function quantity(
  units: Units,
  options: Bounds & { readonly name: string; readonly sample: string },
): Kind<number> {
  const { name, sample, min, max } = options;
  const [least, most] = [readQuantity(min, units), readQuantity(max, units)];
  assert(least !== null && most !== null, `bounds of a ${name}: ${min}, ${max}`);
  return {
    name,
    placeholder: name.toUpperCase(),
    allowed: `${sample}, from ${min} to ${max}`,
    parse(text) {
      const amount = readQuantity(text, units);
      if (amount === null) return err(`is no ${name}`);
      if (amount < least) return err(`is below ${min}`);
      return amount > most ? err(`is above ${max}`) : ok(amount);
    },
  };
}

function readQuantity(text: string, units: Units): number | null {
  const parts = /^(\d{1,15}(?:\.\d{1,3})?) ?([A-Za-z]+)$/.exec(text);
  const unit = parts?.[2] ?? "";
  if (parts === null || !Object.hasOwn(units, unit)) return null;
  const amount = Math.round(Number(parts[1]) * (units[unit] ?? Number.NaN));
  return Number.isSafeInteger(amount) ? amount : null;
}
