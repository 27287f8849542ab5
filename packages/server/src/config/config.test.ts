// Weights, places and words of problems, and what no setting can know alone.

import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { type Config, isLoopback, resolveConfig } from "./config.ts";
import { parseFile } from "./file.ts";
import { readEnvironment, readFlags } from "./layer.ts";
import { environmentNameOf, flagOf, settingNames, settings } from "./settings.ts";

interface Sources {
  readonly file?: string;
  readonly environment?: Record<string, string>;
  readonly flags?: Parameters<typeof readFlags>[0];
}

async function resolve({ file, environment, flags }: Sources) {
  return resolveConfig([
    await parseFile("sampan.yaml", file ?? ""),
    readEnvironment(environment ?? {}, ["SAMPAN_URL"]),
    readFlags(flags ?? {}),
  ]);
}

async function config(sources: Sources): Promise<Config> {
  const resolved = await resolve(sources);
  if (!resolved.ok) throw new Error(resolved.error.join("\n"));
  return resolved.value.config;
}

async function problems(sources: Sources): Promise<readonly string[]> {
  const resolved = await resolve(sources);
  return resolved.ok ? [] : resolved.error;
}

test("every default is allowed by its own kind", async () => {
  const { adminListen, adminPassword, data, listen } = await config({});
  deepEqual(listen, { host: "127.0.0.1", port: 8080 });
  deepEqual(adminListen, { host: "127.0.0.1", port: 8081 });
  equal(data, null);
  equal(adminPassword, null);
});

test("names of flags and variables are unlike each other and follow the setting's", () => {
  equal(new Set(settingNames.map(flagOf)).size, settingNames.length);
  equal(flagOf("adminListen"), "--admin-listen");
  equal(environmentNameOf("adminListen"), "SAMPAN_ADMIN_LISTEN");
});

test("every setting says what it does and what it is without being set", () => {
  for (const name of settingNames) {
    const { absent, default: fallback, description } = settings[name];
    match(description, /^[A-Z`].*\.$/, name);
    equal((absent === null) === (fallback !== null), true, name);
  }
});

test("flags weigh more than the environment, the environment more than the file", async () => {
  const file = "listen: localhost:1\nlogLevel: debug\ncacheSize: 1GiB";
  const environment = { SAMPAN_LISTEN: "localhost:2", SAMPAN_LOG_LEVEL: "warn" };
  const { cacheSize, listen, logLevel } = await config({
    file,
    environment,
    flags: { listen: "localhost:3" },
  });
  equal(listen.port, 3);
  equal(logLevel, "warn");
  equal(cacheSize, 1024 ** 3);
});

test("an empty variable counts as not set", async () => {
  equal((await config({ environment: { SAMPAN_LOG_LEVEL: "" } })).logLevel, "info");
});

test("a wrong value is told with its place, what is allowed, and never the secret", async () => {
  deepEqual(await problems({ file: "\nlisten: 8080" }), [
    'sampan.yaml:2: listen: "8080" is no address; give HOST:PORT, ' +
      "such as 127.0.0.1:8080, [::1]:8080 or :8080 for every address",
  ]);
  deepEqual(await problems({ environment: { SAMPAN_LOG_FORMAT: "xml" } }), [
    'SAMPAN_LOG_FORMAT: "xml" is not one of the words; give one of auto, pretty, json',
  ]);
  deepEqual(await problems({ flags: { drainTimeout: "30" } }), [
    '--drain-timeout: "30" is no duration; give ' +
      "a duration such as 500ms, 30s, 15m, 24h or 7d, from 0s to 1h",
  ]);
  deepEqual(await problems({ environment: { SAMPAN_ADMIN_PASSWORD: "short" } }), [
    "SAMPAN_ADMIN_PASSWORD: the value is too short; give 8 to 128 characters",
  ]);
});

test("all problems are told at once, those of a lighter layer too", async () => {
  const found = await problems({
    file: "lisen: a:1\nlogLevel: loud",
    environment: { SAMPAN_DATA_DIR: "/srv" },
    flags: { logLevel: "info", auth: "ldap" },
  });
  equal(found.length, 4);
  equal(found[0], "sampan.yaml:1: lisen is no setting; did you mean listen?");
  equal(found[1], "SAMPAN_DATA_DIR: is no setting; did you mean SAMPAN_DATA?");
  match(found[2] ?? "", /^--auth: "ldap" is not one of the words; give password or none$/);
  match(found[3] ?? "", /^sampan.yaml:2: logLevel: "loud" is not one of the words/);
});

test("a file that is no mapping of single values is refused with its line", async () => {
  const first = async (file: string) => (await problems({ file }))[0] ?? "";
  match(await first("- listen"), /^sampan.yaml:1: is no mapping/);
  match(await first("data: x\nlisten: [a]"), /^sampan.yaml:2: listen needs a single value/);
  match(await first("data: x\nlisten:"), /^sampan.yaml:2: listen needs a single value/);
  match(await first("data: x\ndata: y"), /^sampan.yaml:2: .*unique/);
  match(await first("data: 'x"), /^sampan.yaml:1: /);
  match(await first("? [a]\n: b"), /^sampan.yaml:1: .*is no setting/);
  match(await first("banana: 1"), /known are data, listen/);
});

test("plain scalars of a file keep their text", async () => {
  equal((await config({ file: "data: 0755" })).data, "0755");
  equal((await config({ file: "insecureListen: true" })).insecureListen, true);
  equal((await config({ file: 'data: "a # b"' })).data, "a # b");
});

test("a variable like no setting is mentioned, one of Kubernetes or the CLI is not", async () => {
  const resolved = await resolve({
    environment: {
      OTHER: "x",
      SAMPAN_REWRITE: "1",
      SAMPAN_URL: "http://localhost",
      SAMPAN_PORT: "tcp://10.0.0.1:80",
      SAMPAN_SERVICE_HOST: "10.0.0.1",
      SAMPAN_PORT_80_TCP_ADDR: "10.0.0.1",
    },
  });
  deepEqual(resolved.ok && resolved.value.warnings, [
    "SAMPAN_REWRITE: is no setting and was ignored",
  ]);
});

test("a password in a file is warned of", async () => {
  const resolved = await resolve({ file: "adminPassword: longenough" });
  match(resolved.ok ? resolved.value.warnings.join() : "", /sampan.yaml:1: adminPassword lies/);
});

test("no authentication is refused off loopback", async () => {
  equal((await config({ flags: { auth: "none" } })).auth, "none");
  match((await problems({ flags: { auth: "none", listen: ":80" } }))[0] ?? "", /^--auth: none/);
  const trusted = { auth: "none", listen: "0.0.0.0:80", insecureListen: "true" } as const;
  match((await problems({ flags: trusted }))[0] ?? "", /^--auth: none/);
});

test("the admin port leaves loopback only on a trusted network", async () => {
  const adminListen = "0.0.0.0:9";
  match((await problems({ flags: { adminListen } }))[0] ?? "", /^--admin-listen: 0.0.0.0:9 would/);
  equal((await config({ flags: { adminListen, insecureListen: "true" } })).adminListen?.port, 9);
  equal((await config({ flags: { adminListen: "off" } })).adminListen, null);
});

test("two listeners on one port are refused before either is opened", async () => {
  const [first] = await problems({ flags: { listen: "127.0.0.1:8081" } });
  match(first ?? "", /^--admin-listen: 127.0.0.1:8081 is taken by --listen/);
  deepEqual(await problems({ flags: { listen: "127.0.0.1:0", adminListen: "127.0.0.1:0" } }), []);
});

test("values that do not go together are told with the places they were given at", async () => {
  const check = async (sources: Sources, expected: RegExp) => {
    const found = await problems(sources);
    equal(found.length, 1, found.join("\n"));
    match(found[0] ?? "", expected);
  };
  await check(
    { environment: { SAMPAN_AUTH: "none" }, file: "data: x\nlisten: :80" },
    /^SAMPAN_AUTH: none would let everyone who reaches :80 \(sampan\.yaml:2: listen\) do/,
  );
  await check(
    { file: "auth: none", environment: { SAMPAN_LISTEN: ":80" }, flags: { listen: ":81" } },
    /^sampan\.yaml:1: auth: none would let everyone who reaches :81 \(--listen\) do/,
  );
  await check(
    { environment: { SAMPAN_ADMIN_LISTEN: ":9" } },
    /^SAMPAN_ADMIN_LISTEN: :9 would show metrics/,
  );
  await check(
    { environment: { SAMPAN_LISTEN: ":9" }, file: "adminListen: 127.0.0.1:9" },
    /^sampan\.yaml:1: adminListen: 127\.0\.0\.1:9 is taken by SAMPAN_LISTEN; choose another port/,
  );
  await check(
    { environment: { SAMPAN_LISTEN: ":8081" } },
    /^--admin-listen: 127\.0\.0\.1:8081 is taken by SAMPAN_LISTEN; that is .* default/,
  );
});

test("plain HTTP off loopback is warned of unless TLS ends in front", async () => {
  const warnings = async (flags: Sources["flags"]) => {
    const resolved = await resolve({ flags: { listen: "0.0.0.0:80", ...flags } });
    return resolved.ok ? resolved.value.warnings.length : -1;
  };
  equal(await warnings({}), 1);
  equal(await warnings({ insecureListen: "true" }), 0);
  equal(await warnings({ externalUrl: "https://r.example.com" }), 0);
  equal(await warnings({ tlsCertificate: "tls.crt", tlsKey: "tls.key" }), 0);
});

test("a certificate needs its key, and a key its certificate", async () => {
  const file = "tlsCertificate: tls.crt";
  deepEqual(await problems({ file }), ["sampan.yaml:1: tlsCertificate: TLS needs --tls-key too"]);
  const flags = { tlsKey: "tls.key" };
  deepEqual(await problems({ flags }), ["--tls-key: TLS needs --tls-certificate too"]);
  deepEqual(await problems({ file, flags }), []);
});

test("proxies on this machine are trusted, and no others, unless it is said", async () => {
  const addresses = async (sources: Sources) =>
    (await config(sources)).trustedProxies.map(({ address, bits }) => `${address}/${bits}`);
  deepEqual(await addresses({}), ["127.0.0.0/8", "::1/128"]);
  deepEqual(await addresses({ flags: { trustedProxies: "none" } }), []);
  deepEqual(await addresses({ file: "trustedProxies: 10.0.0.0/8" }), ["10.0.0.0/8"]);
});

test("loopback is what cannot be reached from outside", () => {
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1"]) equal(isLoopback(host), true);
  for (const host of ["", "0.0.0.0", "::", "10.0.0.1", "127.0.0.1.evil.example"]) {
    equal(isLoopback(host), false);
  }
});

test("settings of S3 go together, and with blobs in S3", async () => {
  const check = async (environment: Record<string, string>, expected: RegExp): Promise<void> => {
    match((await problems({ environment })).join("\n"), expected);
  };
  const SAMPAN_BLOBS = "s3://images/eu";
  const SAMPAN_S3_ACCESS_KEY = "AKID";
  await check(
    { SAMPAN_BLOBS, SAMPAN_S3_ACCESS_KEY },
    /^SAMPAN_S3_ACCESS_KEY: .* set SAMPAN_S3_SECRET_KEY too$/,
  );
  await check(
    { SAMPAN_BLOBS, SAMPAN_S3_SECRET_KEY: "x" },
    /^SAMPAN_S3_SECRET_KEY: .* set SAMPAN_S3_ACCESS_KEY too$/,
  );
  await check({ SAMPAN_S3_REGION: "eu-west-1" }, /^SAMPAN_S3_REGION: .* set --blobs s3:/);
  await check({ SAMPAN_BLOBS: "s3://IMAGES" }, /names no bucket of S3; give s3:.*filesystem$/);
  const { blobs, s3Redirect } = await config({ environment: { SAMPAN_BLOBS } });
  deepEqual(blobs, { bucket: "images", prefix: "eu/" });
  equal(s3Redirect, null);
});
