// Every setting of the server, once. Flags, environment names, help and the reference
// (docs/reference/configuration.md) are all made from this table; the type `Config` is too.

import { blobPlace, region } from "./blob-place.ts";
import {
  address,
  choice,
  count,
  directory,
  duration,
  file,
  httpUrl,
  type Kind,
  networks,
  orOff,
  secret,
  size,
  toggle,
} from "./kind.ts";

export interface Setting<Value> {
  readonly kind: Kind<unknown>;
  /** As it would be written; null when the setting is absent unless somebody sets it. */
  readonly default: string | null;
  /** What happens where `default` is null. */
  readonly absent: string | null;
  readonly description: string;
  /** False: not offered as a flag, because every user of the machine can read command lines. */
  readonly flag: boolean;
  /** Carries the type and nothing else. */
  readonly value?: Value;
}

export const settings = {
  data: optional(directory, {
    absent:
      "`data` in a clone of the repository, else `$XDG_DATA_HOME/sampan` (`~/.local/share/sampan`)",
    description: "Directory that holds everything the server keeps. One process at a time.",
  }),
  listen: setting(address, {
    default: "127.0.0.1:8080",
    description:
      "Where the registry answers: `/v2/`, `/api/v2.0/`, `/service/token`. " +
      "Port 0 takes a free one.",
  }),
  adminListen: setting(orOff(address), {
    default: "127.0.0.1:8081",
    description:
      "Where `/metrics`, `/healthz`, `/readyz` and `/debug` answer, without authentication. " +
      "`off` closes it.",
  }),
  insecureListen: setting(toggle, {
    default: "false",
    description:
      "The network is trusted (TLS ends at a proxy in front): allows the admin port off " +
      "loopback, and does not warn of plain HTTP.",
  }),
  externalUrl: optional(httpUrl, {
    absent: "from the request (what a trusted proxy says, else `Host`)",
    description:
      "What clients call this registry; goes into token realms and `Location` headers. Needed " +
      "behind a proxy that `trustedProxies` does not name, or that says nothing of its clients.",
  }),
  trustedProxies: setting(networks, {
    default: "127.0.0.0/8, ::1",
    description:
      "Whose forwarding headers are believed: `X-Forwarded-Proto`, `-Host` and `-For`, and " +
      "`Forwarded` where none of those is there. They say what clients call this registry, and " +
      "to which address wrong passwords are counted. A proxy named here must overwrite or " +
      "append to what its clients send. From anybody else they are ignored.",
  }),
  tlsCertificate: optional(file, {
    absent: "plain HTTP",
    description:
      "The certificate of `listen` in a PEM file, behind it those that lead to its authority. " +
      "Read again when it changes, and at SIGHUP; a new pair that does not fit is logged, and " +
      "the old one stays.",
  }),
  tlsKey: optional(file, {
    absent: "plain HTTP",
    description: "The private key of the certificate in a PEM file, not encrypted.",
  }),
  connectionsMax: setting(count({ min: 1, max: 65_536 }), {
    default: "4096",
    description:
      "Connections to `listen` at once; further ones are closed at once. 64 KiB of memory each " +
      "when all of them move blobs, and up to two open files.",
  }),
  connectionsPerClient: setting(count({ min: 1, max: 65_536 }), {
    default: "1024",
    description:
      "Connections at once of one address (of IPv6: one /64). Trusted proxies, which stand for " +
      "many clients, are bound by `connectionsMax` alone.",
  }),
  auth: setting(choice(["password", "none"]), {
    default: "password",
    description:
      "`none` lets everyone do everything; only on a loopback address, for tests and benchmarks.",
  }),
  adminPassword: optional(secret({ min: 8, max: 128 }), {
    absent: "generated, and printed once",
    description: "Password that the user `admin` gets at the first start. Later starts ignore it.",
    flag: false,
  }),
  uploadExpiry: setting(duration({ min: "1m", max: "30d" }), {
    default: "24h",
    description:
      "An upload that received nothing for this long is thrown away, within ten minutes.",
  }),
  gcGrace: setting(duration({ min: "10s", max: "30d" }), {
    default: "2h",
    description:
      "What no image names any more is deleted after this long; until then a push that names it has " +
      "it. A blob that no image came to name is offered for this long, and then deleted likewise. " +
      "Longer than the longest push.",
  }),
  sparseIndexes: setting(toggle, {
    default: "false",
    description:
      "An index may be pushed without all of the manifests that it names, such as those of one " +
      "platform. What it names and nobody pushed cannot be pulled.",
  }),
  stallTimeout: setting(duration({ min: "1s", max: "1h" }), {
    default: "60s",
    description: "A connection that moves no byte of a body for this long is closed.",
  }),
  cacheSize: setting(size({ min: "1MiB", max: "1TiB" }), {
    default: "64MiB",
    description: "Memory for blocks of the store. Filled by use, not at the start.",
  }),
  blobPageCache: setting(size({ min: "0B", max: "1TiB" }), {
    default: "16MiB",
    description:
      "Of every pushed blob its first so many bytes are left in the system's page cache for the " +
      "pulls that follow; what comes behind goes past it to the disk, at a fraction of the cost. " +
      "Raise it where the disk is slow and memory plenty.",
  }),
  blobs: setting(blobPlace, {
    default: "filesystem",
    description:
      "Where the bytes of blobs lie: in the data directory, or in S3 and what speaks its " +
      "protocol. Chosen with the first start of a data directory; blobs do not move. A bucket, or " +
      "a prefix in one, belongs to one data directory.",
  }),
  s3Region: setting(region, {
    default: "us-east-1",
    description: "Region of the bucket. Most services beside AWS take any.",
  }),
  s3Endpoint: optional(httpUrl, {
    absent: "AWS in `s3Region`",
    description: "Where the service answers, if it is not AWS.",
  }),
  s3PathStyle: optional(toggle, {
    absent: "`true` where `s3Endpoint` is set, else `false`",
    description: "Names the bucket in the path of requests and not in the name of the host.",
  }),
  s3AccessKey: optional(secret({ min: 1, max: 256 }), {
    absent:
      "where AWS' own tools look: `AWS_ACCESS_KEY_ID`, `AWS_PROFILE`, the role of the machine",
    description:
      "Id of the access key. It has to get, put, list and delete objects under the prefix, and to " +
      "list and abort multipart uploads.",
    flag: false,
  }),
  s3SecretKey: optional(secret({ min: 1, max: 1_024 }), {
    absent: "as for `s3AccessKey`",
    description: "Secret of the access key.",
    flag: false,
  }),
  s3Redirect: setting(orOff(duration({ min: "1m", max: "7d" })), {
    default: "off",
    description:
      "Answers pulls of blobs with a redirect to S3 itself, by a signed URL that is good for so " +
      "long, so that their bytes do not pass through the registry. Clients must reach `s3Endpoint`.",
  }),
  drainTimeout: setting(duration({ min: "0s", max: "1h" }), {
    default: "30s",
    description:
      "How long requests under way may go on after SIGTERM or SIGINT. " +
      "A second signal ends at once.",
  }),
  logLevel: setting(choice(["debug", "info", "warn", "error"]), {
    default: "info",
    description: "The lowest level that is written. Logs go to standard error.",
  }),
  logFormat: setting(choice(["auto", "pretty", "json"]), {
    default: "auto",
    description: "`auto` is `pretty` where standard error is a terminal, else `json`.",
  }),
} as const;

export type SettingName = keyof typeof settings;

export type Config = {
  readonly [Name in SettingName]: (typeof settings)[Name] extends Setting<infer Value>
    ? Value
    : never;
};

/** In the order of the table, which is the order of help and reference. */
export const settingNames = Object.keys(settings) as readonly SettingName[];

/** `adminListen` → `--admin-listen`. */
export function flagOf(name: SettingName): string {
  return `--${words(name).join("-")}`;
}

/** `adminListen` → `SAMPAN_ADMIN_LISTEN`. */
export function environmentNameOf(name: SettingName): string {
  return `SAMPAN_${words(name).join("_").toUpperCase()}`;
}

function words(name: SettingName): string[] {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).split(" ");
}

interface Described {
  readonly description: string;
  readonly flag?: boolean;
}

function setting<Value>(
  kind: Kind<Value>,
  given: Described & { readonly default: string },
): Setting<Value> {
  return { kind, absent: null, flag: true, ...given };
}

function optional<Value>(
  kind: Kind<Value>,
  given: Described & { readonly absent: string },
): Setting<Value | null> {
  return { kind, default: null, flag: true, ...given };
}
