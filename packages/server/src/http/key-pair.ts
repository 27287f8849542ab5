// A certificate and its key, as they lie in PEM files: read, and looked at before anything takes
// them into use.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { err, errorCode, errorMessage, ok, type Result } from "@sampan/env";
import type { KeyPair } from "@sampan/registry";

export interface KeyPairFiles {
  readonly certificate: string;
  readonly key: string;
}

/** The error is one line for the operator: which file, and what is wrong with it. */
export async function readKeyPair(files: KeyPairFiles): Promise<Result<KeyPair, string>> {
  const certificate = await readPem(files.certificate);
  if (!certificate.ok) return certificate;
  const key = await readPem(files.key);
  if (!key.ok) return key;
  const pair = { certificate: certificate.value, key: key.value };
  const problem = problemOf(pair, files);
  return problem === null ? ok(pair) : err(problem);
}

/** What a client will object to, though it can be served; null: nothing. */
export function warningOf({ certificate }: KeyPair, nowMs: number): string | null {
  const { subject, validFrom, validTo } = new X509Certificate(certificate);
  const whose = `the TLS certificate of ${subject.replace(/\n/g, ", ")}`;
  if (Date.parse(validTo) <= nowMs) return `${whose} expired on ${validTo}; clients refuse it`;
  if (Date.parse(validFrom) > nowMs) return `${whose} is not valid before ${validFrom}`;
  const days = Math.floor((Date.parse(validTo) - nowMs) / dayMs);
  return days < daysLeftMin ? `${whose} expires in ${days} days, on ${validTo}` : null;
}

const dayMs = 24 * 60 * 60_000;
/** Whoever renews automatically has done it by then (a third of the usual 90 days is left). */
const daysLeftMin = 14;

async function readPem(path: string): Promise<Result<string, string>> {
  try {
    return ok(await readFile(path, "utf8"));
  } catch (error) {
    switch (errorCode(error)) {
      case "ENOENT":
        return err(`${path}: no such file`);
      case "EACCES":
        return err(`${path}: may not be read by this user`);
      case "EISDIR":
        return err(`${path}: is a directory, not a PEM file`);
      default:
        return err(`${path}: cannot be read: ${errorMessage(error)}`);
    }
  }
}

function problemOf({ certificate, key }: KeyPair, files: KeyPairFiles): string | null {
  const first = attempt(() => new X509Certificate(certificate));
  if (first === null) return `${files.certificate}: holds no certificate in PEM`;
  if (/^-----BEGIN ENCRYPTED|^Proc-Type: .*ENCRYPTED/m.test(key)) {
    return `${files.key}: the key is encrypted; give one that is not, readable by this user alone`;
  }
  const opened = attempt(() => createPrivateKey(key));
  if (opened === null) return `${files.key}: holds no private key in PEM`;
  if (!first.checkPrivateKey(opened)) {
    return (
      `${files.key}: is not the key of the first certificate in ${files.certificate}, which has ` +
      "to be the server's own"
    );
  }
  try {
    createSecureContext({ cert: certificate, key });
    return null;
  } catch (error) {
    return `${files.certificate}: cannot be served: ${errorMessage(error)}`;
  }
}

/** Null: it is none. OpenSSL's words for why mean nothing to an operator. */
function attempt<Value>(parse: () => Value): Value | null {
  try {
    return parse();
  } catch {
    return null;
  }
}
