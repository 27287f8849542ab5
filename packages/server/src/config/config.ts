// From layers of text to one typed configuration: the heavier layer wins, every value of every
// layer is checked, and all problems are told at once. Pure.

import { err, ok, type Result } from "@sampan/env";
import type { Address } from "./kind.ts";
import type { Given, Layer } from "./layer.ts";
import {
  type Config,
  environmentNameOf,
  flagOf,
  type SettingName,
  settingNames,
  settings,
} from "./settings.ts";

export { type BucketPlace, formatBucketPlace } from "./blob-place.ts";
export { readFileLayer } from "./file.ts";
export type { Address } from "./kind.ts";
export { type Environment, type Layer, readEnvironment, readFlags } from "./layer.ts";
export {
  type Config,
  environmentNameOf,
  flagOf,
  type SettingName,
  settingNames,
  settings,
} from "./settings.ts";

export interface ResolvedConfig {
  readonly config: Config;
  /** Lines for the log. */
  readonly warnings: readonly string[];
}

/** `layers` in rising order of weight. The error is every problem found, one line each. */
export function resolveConfig(layers: readonly Layer[]): Result<ResolvedConfig, readonly string[]> {
  const problems = layers.flatMap((layer) => layer.problems);
  const values: Partial<Record<SettingName, unknown>> = {};
  const places = new Map<SettingName, string>();
  for (const name of settingNames) {
    const { default: text } = settings[name];
    values[name] = text === null ? null : read(name, { text, where: "default" }, problems);
    for (const layer of layers) {
      const given = layer.given.get(name);
      if (given === undefined) continue;
      values[name] = read(name, given, problems);
      places.set(name, given.where);
    }
  }
  if (problems.length > 0) return err(problems);

  // Every name of the table was set by its own kind: the type that the table promises.
  const config = values as Config;
  const broken = rules.map((rule) => rule(config, places)).filter((problem) => problem !== null);
  if (broken.length > 0) return err(broken);
  const warnings = layers.flatMap((layer) => layer.warnings);
  return ok({ config, warnings: [...warnings, ...plainHttpWarning(config)] });
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** `127.0.0.1:8080`, `[::1]:8080`, `:8080`. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A URL under which this machine reaches the listener. */
export function localUrl({ host, port }: Address, scheme: "http" | "https" = "http"): string {
  const everywhere = host === "" || host === "0.0.0.0" || host === "::";
  return `${scheme}://${formatAddress({ host: everywhere ? "127.0.0.1" : host, port })}`;
}

/** Of the registry's port; the admin port speaks plain HTTP always. */
export function schemeOf({ tlsCertificate }: Config): "http" | "https" {
  return tlsCertificate === null ? "http" : "https";
}

function read(name: SettingName, given: Given, problems: string[]): unknown {
  const { kind } = settings[name];
  const parsed = kind.parse(given.text);
  if (parsed.ok) return parsed.value;
  const shown = kind.name === "secret" ? "the value" : JSON.stringify(given.text.slice(0, 80));
  problems.push(`${given.where}: ${shown} ${parsed.error}; give ${kind.allowed}`);
  return null;
}

/** Where the value that counts was given; a setting that nobody gave has none. */
type Places = ReadonlyMap<SettingName, string>;

/** A default is named by the flag that would change it. */
function placeOf(places: Places, name: SettingName): string {
  return places.get(name) ?? flagOf(name);
}

/** What no setting can know alone. Each value is named by its place, which need not be a flag. */
const rules: readonly ((config: Config, places: Places) => string | null)[] = [
  ({ auth, listen }, places) => {
    if (auth !== "none" || isLoopback(listen.host)) return null;
    const who = `everyone who reaches ${formatAddress(listen)} (${placeOf(places, "listen")})`;
    return (
      `${placeOf(places, "auth")}: none would let ${who} do everything; ` +
      "listen on 127.0.0.1, or use password"
    );
  },
  ({ adminListen, insecureListen }, places) => {
    if (adminListen === null || insecureListen || isLoopback(adminListen.host)) return null;
    return (
      `${placeOf(places, "adminListen")}: ${formatAddress(adminListen)} would show metrics and ` +
      "state to the network without authentication; use 127.0.0.1 or off, or say " +
      "--insecure-listen if that network is trusted"
    );
  },
  ({ tlsCertificate, tlsKey }, places) => {
    if ((tlsCertificate === null) === (tlsKey === null)) return null;
    const [given, missing] =
      tlsKey === null
        ? (["tlsCertificate", "tlsKey"] as const)
        : (["tlsKey", "tlsCertificate"] as const);
    return `${placeOf(places, given)}: TLS needs ${placeOf(places, missing)} too`;
  },
  ({ s3AccessKey, s3SecretKey }, places) => {
    if ((s3AccessKey === null) === (s3SecretKey === null)) return null;
    const [given, missing] =
      s3SecretKey === null
        ? (["s3AccessKey", "s3SecretKey"] as const)
        : (["s3SecretKey", "s3AccessKey"] as const);
    const name = environmentNameOf(missing);
    return `${placeOf(places, given)}: an access key has an id and a secret; set ${name} too`;
  },
  ({ blobs }, places) => {
    const given = blobs === null ? s3Settings.find((name) => places.has(name)) : undefined;
    if (given === undefined) return null;
    return `${placeOf(places, given)}: has no meaning without blobs in S3; set --blobs s3://BUCKET`;
  },
  ({ adminListen, listen }, places) => {
    if (adminListen === null || listen.port === 0 || adminListen.port !== listen.port) return null;
    const collide =
      [listen.host, adminListen.host].includes("") || adminListen.host === listen.host;
    if (!collide) return null;
    const taken = `${formatAddress(adminListen)} is taken by ${placeOf(places, "listen")}`;
    const wayOut = places.has("adminListen")
      ? "choose another port, or off"
      : "that is the admin port's default: choose another for one of them, or off";
    return `${placeOf(places, "adminListen")}: ${taken}; ${wayOut}`;
  },
];

const s3Settings = settingNames.filter((name) => name.startsWith("s3"));

function plainHttpWarning(config: Config): string[] {
  const { externalUrl, insecureListen, listen } = config;
  if (schemeOf(config) === "https") return [];
  if (isLoopback(listen.host) || insecureListen) return [];
  if (externalUrl?.startsWith("https://") === true) return [];
  const place = formatAddress(listen);
  return [
    `${place} speaks plain HTTP: passwords and images cross the network unencrypted; ` +
      "set --tls-certificate and --tls-key; or put a proxy with TLS in front, then set " +
      "--external-url or --insecure-listen",
  ];
}
