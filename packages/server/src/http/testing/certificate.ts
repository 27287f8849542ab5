// Certificates for tests, made on the spot: X.509 v3 (RFC 5280) on a fresh P-256 key, signed by
// itself. DER is length-prefixed values in each other, so that little is needed.

import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import type { KeyPair } from "@sampan/registry";

export interface CertificateOptions {
  /** Common name, and the DNS name it is for; it is for 127.0.0.1 too. */
  readonly name: string;
  /** Years of four digits: valid from the first of January of one to that of the other. */
  readonly years?: readonly [from: number, to: number];
}

export function makeKeyPair({ name, years = [2020, 2120] }: CertificateOptions): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const issuer = sequence(tlv(0x31, sequence(commonName, tlv(0x0c, Buffer.from(name)))));
  const names = sequence(tlv(0x82, Buffer.from(name)), tlv(0x87, Buffer.from([127, 0, 0, 1])));
  const body = sequence(
    tlv(0xa0, integer(2)),
    integer(1),
    ecdsaWithSha256,
    issuer,
    sequence(...years.map((year) => tlv(0x18, Buffer.from(`${year}0101000000Z`)))),
    issuer,
    publicKey,
    tlv(0xa3, sequence(sequence(subjectAltName, tlv(0x04, names)))),
  );
  const signature = sign("sha256", body, createPrivateKey(privateKey));
  const bits = tlv(0x03, Buffer.concat([Buffer.from([0]), signature]));
  return { certificate: pem(sequence(body, ecdsaWithSha256, bits)), key: privateKey };
}

function tlv(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const short = length < 0x80 ? [length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...short]), value]);
}

function sequence(...parts: Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function integer(value: number): Buffer {
  return tlv(0x02, Buffer.from([value]));
}

function identifier(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, "hex"));
}

const commonName = identifier("550403");
const subjectAltName = identifier("551d11");
const ecdsaWithSha256 = sequence(identifier("2a8648ce3d040302"));

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
