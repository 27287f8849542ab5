// A certificate authority as companies have their own: its root, an intermediate that the root
// signed, and a server's certificate from that. Clients know the root alone.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Need } from "./client.ts";
import { run } from "./command.ts";

export const authorityNeeds: readonly Need[] = [{ command: "openssl", packages: ["openssl"] }];

export interface Issued {
  /** PEM file of the root. */
  readonly authority: string;
  /** PEM file: the server's certificate, behind it the intermediate. */
  readonly certificate: string;
  readonly key: string;
}

export async function issueCertificate(folder: string, name: string): Promise<Issued> {
  const at = (file: string) => join(folder, file);
  // Without defaults of the machine, so that every extension is said here.
  await writeFile(at("openssl.conf"), "[req]\ndistinguished_name = dn\n[dn]\n");
  const issue = async (file: string, by: string | null, given: Extensions) => {
    const signedBy = by === null ? [] : ["-CA", at(`${by}.pem`), "-CAkey", at(`${by}.key`)];
    await run("openssl", [
      ...["req", "-x509", "-config", at("openssl.conf")],
      ...["-days", "30", "-subj", `/CN=${given.name}`],
      ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"],
      ...["-keyout", at(`${file}.key`), "-out", at(`${file}.pem`), ...signedBy],
      ...given.extensions.flatMap((extension) => ["-addext", extension]),
    ]);
  };
  const signs = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
  const serves = ["keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth"];
  await issue("root", null, { name: "Root of the suite", extensions: signs });
  await issue("issuing", "root", { name: "Issuing of the suite", extensions: signs });
  await issue("server", "issuing", { name, extensions: [...serves, `subjectAltName=DNS:${name}`] });
  const chain = [await readFile(at("server.pem")), await readFile(at("issuing.pem"))];
  await writeFile(at("chain.pem"), Buffer.concat(chain));
  return { authority: at("root.pem"), certificate: at("chain.pem"), key: at("server.key") };
}

interface Extensions {
  readonly name: string;
  readonly extensions: readonly string[];
}
