// Passwords as scrypt hashes (RFC 7914) in the PHC string format:
//
//   $scrypt$ln=15,r=8,p=1$<salt, base64>$<hash, base64>
//
// The parameters are in the string, so that they may rise later without a migration. One check
// takes about 150 ms of a core and 32 MiB, so few run at once and few wait (check-queue.ts).

import { scrypt, timingSafeEqual } from "node:crypto";
import type { Env, Result } from "@sampan/env";
import { IoError, ok } from "@sampan/env";
import type { Lane } from "./check-queue.ts";
import { createCheckQueue } from "./check-queue.ts";

export interface ScryptCosts {
  /** Base-2 logarithm of N. */
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** Of those that OWASP's password storage cheat sheet gives as equal in strength: 32 MiB, p = 3. */
export const scryptCosts: ScryptCosts = { logN: 15, r: 8, p: 3 };
const saltBytes = 16;
const hashBytes = 32;

export const passwordCharsMin = 8;
/** Harbor's bound. */
export const passwordCharsMax = 128;

/** Checks and hashes passwords, a bounded number at a time. */
export interface Passwords {
  /** `busy`: too many are waiting. */
  verify(password: string, passwordHash: string, lane: Lane): Promise<Result<boolean, "busy">>;
  /** In the lane of who was right before: nobody else sets a password. */
  hash(password: string): Promise<Result<string, "busy">>;
  /**
   * A hash that no password has, of the usual cost: an unknown user must take as long as a known
   * one.
   */
  readonly decoy: string;
}

/** `costs` are those of new hashes, `scryptCosts` everywhere but in tests. */
export function createPasswords(env: Env, costs: ScryptCosts): Passwords {
  const enter = createCheckQueue();
  return {
    decoy: formatHash({ ...costs, salt: env.random.bytes(saltBytes) }, env.random.bytes(hashBytes)),
    async verify(password, passwordHash, lane) {
      const { parameters, hash } = parseHash(passwordHash);
      const derived = await enter(lane, () => runScrypt(password, parameters));
      return derived.ok ? ok(timingSafeEqual(derived.value, hash)) : derived;
    },
    async hash(password) {
      const parameters = { ...costs, salt: env.random.bytes(saltBytes) };
      const lane: Lane = { type: "trusted" };
      const derived = await enter(lane, () => runScrypt(password, parameters));
      return derived.ok ? ok(formatHash(parameters, derived.value)) : derived;
    },
  };
}

/** A sentence about why the password is refused, or null. */
export function passwordWeakness(password: string): string | null {
  if (password.length < passwordCharsMin) {
    return `the password is shorter than ${passwordCharsMin} characters`;
  }
  if (password.length > passwordCharsMax) {
    return `the password is longer than ${passwordCharsMax} characters`;
  }
  return null;
}

/** Without characters that are easily taken for one another (0 O, 1 l I). */
const readableCharacters = "23456789abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ";
/** 24 characters of 56 are 139 bits. */
const generatedChars = 24;

export function generatePassword(env: Env): string {
  const characters = Array.from({ length: generatedChars }, () =>
    readableCharacters.charAt(env.random.int(readableCharacters.length)),
  );
  return characters.join("");
}

interface Parameters extends ScryptCosts {
  readonly salt: Uint8Array;
}

function runScrypt(password: string, { logN, r, p, salt }: Parameters): Promise<Buffer> {
  // The same characters typed on another keyboard may be other code points (RFC 8265, section 4.2).
  const bytes = Buffer.from(password.normalize("NFC"), "utf8");
  // What scrypt needs is 128·N·r bytes and a little; Node refuses above `maxmem`.
  const options = { N: 2 ** logN, r, p, maxmem: 2 * 128 * 2 ** logN * r };
  return new Promise((resolve, reject) => {
    scrypt(bytes, salt, hashBytes, options, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(new IoError("scrypt", "scrypt failed", error));
    });
  });
}

function formatHash({ logN, r, p, salt }: Parameters, hash: Uint8Array): string {
  return `$scrypt$ln=${logN},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}

const grammar =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

function parseHash(text: string): { parameters: Parameters; hash: Buffer } {
  const match = grammar.exec(text);
  if (match === null) throw new IoError("corrupt", "a password hash is not of a known form");
  const [, logN, r, p, salt = "", hash = ""] = match;
  const parameters = {
    logN: Number(logN),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, "base64"),
  };
  return { parameters, hash: Buffer.from(hash, "base64") };
}
