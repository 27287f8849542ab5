// Which certificates and keys are refused, and what the operator is told.

import { deepEqual, equal, match } from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readKeyPair, warningOf } from "./key-pair.ts";
import { makeKeyPair } from "./testing/certificate.ts";

const pair = makeKeyPair({ name: "registry.test" });
const other = makeKeyPair({ name: "other.test" });

/** The error, with the directory left out; empty: the pair was taken. */
async function refusal(certificate: string | null, key: string | null): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "sampan-tls-"));
  try {
    const files = { certificate: join(directory, "tls.crt"), key: join(directory, "tls.key") };
    if (certificate !== null) await writeFile(files.certificate, certificate);
    if (key !== null) await writeFile(files.key, key);
    const read = await readKeyPair(files);
    return read.ok ? "" : read.error.replaceAll(`${directory}/`, "");
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("a pair that fits is taken, with or without a chain", async () => {
  equal(await refusal(pair.certificate, pair.key), "");
  equal(await refusal(pair.certificate + other.certificate, pair.key), "");
});

test("what does not fit is told with the file that is wrong", async () => {
  equal(await refusal(null, pair.key), "tls.crt: no such file");
  equal(await refusal(pair.certificate, null), "tls.key: no such file");
  equal(await refusal("hello", pair.key), "tls.crt: holds no certificate in PEM");
  equal(await refusal(pair.key, pair.key), "tls.crt: holds no certificate in PEM");
  equal(
    await refusal(pair.certificate.slice(0, 300), pair.key),
    "tls.crt: holds no certificate in PEM",
  );
  equal(await refusal(pair.certificate, ""), "tls.key: holds no private key in PEM");
  match(await refusal(pair.certificate, other.key), /^tls.key: is not the key of the first/);
  match(await refusal(other.certificate + pair.certificate, pair.key), /^tls.key: is not the key/);
  const encrypted = pair.key.replaceAll("PRIVATE", "ENCRYPTED PRIVATE");
  match(await refusal(pair.certificate, encrypted), /^tls.key: the key is encrypted/);
});

test("dates that clients object to are told", () => {
  const nowMs = Date.UTC(2030, 5, 1);
  const warned = (from: number, to: number) =>
    warningOf(makeKeyPair({ name: "r.test", years: [from, to] }), nowMs);
  equal(warned(2020, 2040), null);
  match(warned(2020, 2030) ?? "", /^the TLS certificate of CN=r.test expired on Jan {2}1 .*2030/);
  match(warned(2031, 2040) ?? "", /is not valid before Jan {2}1 .*2031/);
  const soon = warningOf(makeKeyPair({ name: "r.test" }), Date.UTC(2119, 11, 25));
  match(soon ?? "", /expires in 7 days/);
  deepEqual(warned(2030, 2031), null);
});
