// Records, changes and errors as lines of a scenario script.

import { decodeDataKey, decodeVersionKey } from "../data-key.ts";
import { decodeLock, type Lock } from "../lock-record.ts";
import type { Modify, MvccFamily } from "../modify.ts";
import { type Timestamp, timestampMax } from "../timestamp.ts";
import { decodeWrite, isProtectedRollback, type Write } from "../write-record.ts";

const textBytesMax = 32;

export function renderModify(modify: Modify): string {
  const { family, key } = modify;
  if (modify.type === "put") return renderRow(family, key, Buffer.from(modify.value));
  if (family === "lock") return `unlock ${renderDataKey(key)}`;
  return `${family === "write" ? "drop" : "drop-value"} ${renderVersion(key)}`;
}

export function renderRow(family: MvccFamily, key: Buffer, value: Buffer): string {
  if (family === "default") return `value ${renderVersion(key)} ${renderBytes(value)}`;
  if (family === "write") {
    const write = decodeWrite(value);
    return `write ${renderVersion(key)} ${write.ok ? renderWrite(write.value) : write.error}`;
  }
  const lock = decodeLock(value);
  return `lock ${renderDataKey(key)} ${lock.ok ? renderLock(lock.value) : lock.error}`;
}

function renderWrite(write: Write): string {
  const words: string[] = [write.type, `start=${write.startTs}`];
  if (isProtectedRollback(write)) words.push("protected");
  else if (write.shortValue !== null) words.push(`value=${renderBytes(write.shortValue)}`);
  if (write.overlappedRollback) words.push("overlapped-rollback");
  if (write.gcFence !== null) words.push(`fence=${write.gcFence}`);
  if (write.lastChange.type !== "unknown") words.push(`last-change=${write.lastChange.type}`);
  if (write.source !== 0n) words.push(`source=${write.source}`);
  return words.join(" ");
}

export function renderLock(lock: Lock): string {
  const words: string[] = [
    lock.type,
    `start=${lock.startTs}`,
    `primary=${renderBytes(lock.primary)}`,
  ];
  if (lock.ttlMs !== 0n) words.push(`ttl=${lock.ttlMs}`);
  if (lock.shortValue !== null) words.push(`value=${renderBytes(lock.shortValue)}`);
  if (lock.forUpdateTs !== 0n) words.push(`for-update=${lock.forUpdateTs}`);
  if (lock.transactionSize !== 0n) words.push(`size=${lock.transactionSize}`);
  if (lock.minCommitTs !== 0n) words.push(`min-commit=${lock.minCommitTs}`);
  if (lock.secondaries !== null) words.push(`secondaries=${lock.secondaries.length}`);
  if (lock.rollbackTs.length > 0) words.push(`rollbacks=${lock.rollbackTs.join(",")}`);
  if (lock.lastChange.type !== "unknown") words.push(`last-change=${lock.lastChange.type}`);
  if (lock.source !== 0n) words.push(`source=${lock.source}`);
  return words.join(" ");
}

/** `error code name=value …` of an error value, in the order of its fields. */
export function renderError(error: { readonly code: string; readonly lock?: Lock }): string {
  const { code, lock, ...fields } = error;
  const words = Object.entries<unknown>(fields).map(
    ([name, value]) => `${dashed(name)}=${renderValue(value)}`,
  );
  const held = lock === undefined ? [] : [`(${renderLock(lock)})`];
  return [`error ${code}`, ...words, ...held].join(" ");
}

function renderValue(value: unknown): string {
  return value instanceof Uint8Array ? renderBytes(value) : String(value);
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replace(/-ts$/, "");
}

export function renderBytes(bytes: Uint8Array): string {
  if (bytes.length > textBytesMax) return `(${bytes.length} bytes)`;
  const text = Buffer.from(bytes).toString("latin1");
  return /^[\x21-\x7e]+$/.test(text) ? text : JSON.stringify(text);
}

function renderDataKey(bytes: Buffer): string {
  const key = decodeDataKey(bytes);
  return key.ok ? renderBytes(key.value) : key.error;
}

function renderVersion(bytes: Buffer): string {
  const version = decodeVersionKey(bytes);
  if (!version.ok) return version.error;
  return `${renderBytes(version.value.key)}@${renderTimestamp(version.value.timestamp)}`;
}

function renderTimestamp(timestamp: Timestamp): string {
  return timestamp === timestampMax ? "max" : `${timestamp}`;
}
