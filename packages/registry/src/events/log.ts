// The event log: dense numbers, and a chain of hashes, so that a missing or altered event shows.
//
//   event   version ‖ hash:32 ‖ payload, the bytes of the outbox row
//   head    version ‖ seq:varint ‖ hash:32
//   hash    sha256(hash of the event before ‖ seq:u64 ‖ payload); before the first: 32 zero bytes

import { createHash } from "node:crypto";
import { IoError } from "@sampan/env";
import type { Reader, Transaction } from "@sampan/kv/txn";
import { eventHeadKey, eventKey, eventsRange, readKey } from "../meta/keys.ts";
import { RecordReader, RecordWriter } from "../meta/record-bytes.ts";
import type { LogEvent } from "./event.ts";
import { decodeEvent } from "./outbox.ts";

const eventVersion = 1;
const headVersion = 1;
const hashBytes = 32;

/** A place in the chain: what the next event's hash is computed from. */
export interface ChainLink {
  readonly seq: number;
  readonly hash: Uint8Array;
}

export const chainStart: ChainLink = { seq: 0, hash: new Uint8Array(hashBytes) };

/** Where the log ends; the start of the chain when nothing happened yet. */
export async function readHead(reader: Reader): Promise<ChainLink> {
  const value = await reader.get(eventHeadKey());
  if (value === null) return chainStart;
  const record = new RecordReader(value, headVersion);
  return { seq: record.varint(), hash: record.rest() };
}

/**
 * Appends the payloads in their order behind `head`, which this transaction has read. Writing the
 * head makes two appenders conflict, so that no number is given twice.
 */
export function appendEvents(
  transaction: Transaction,
  head: ChainLink,
  payloads: readonly Uint8Array[],
): ChainLink {
  let link = head;
  for (const payload of payloads) {
    link = nextLink(link, payload);
    const writer = new RecordWriter(eventVersion);
    writer.raw(link.hash);
    writer.raw(payload);
    transaction.put(eventKey(link.seq), writer.finish());
  }
  const writer = new RecordWriter(headVersion);
  writer.varint(link.seq);
  writer.raw(link.hash);
  transaction.put(eventHeadKey(), writer.finish());
  return link;
}

function nextLink(before: ChainLink, payload: Uint8Array): ChainLink {
  const seq = before.seq + 1;
  const number = Buffer.allocUnsafe(8);
  number.writeBigUInt64BE(BigInt(seq));
  const hash = createHash("sha256").update(before.hash).update(number).update(payload).digest();
  return { seq, hash };
}

export interface EventPage {
  readonly events: readonly LogEvent[];
  readonly more: boolean;
}

/** The first `limit` (1 to 1,000) events behind number `after`; 0 starts at the beginning. */
export async function readEvents(
  reader: Reader,
  page: { readonly after: number; readonly limit: number },
): Promise<EventPage> {
  const entries = await reader.scan(eventsRange(page.after), { limit: page.limit + 1 });
  const events = entries.slice(0, page.limit).map(({ key, value }) => {
    const { seq, payload } = decodeEntry(key, value);
    return { ...decodeEvent(payload), seq };
  });
  return { events, more: entries.length > page.limit };
}

interface StoredEvent extends ChainLink {
  readonly payload: Uint8Array;
}

function decodeEntry(key: Uint8Array, value: Uint8Array): StoredEvent {
  const seq = Number(readKey(key).u64());
  const rest = new RecordReader(value, eventVersion).rest();
  if (rest.length < hashBytes) throw new IoError("corrupt", `event ${seq} is cut short`);
  return { seq, hash: rest.subarray(0, hashBytes), payload: rest.subarray(hashBytes) };
}

export type ChainCheck =
  /** Go on from `last`; at the end of the log `done`. */
  | { readonly type: "intact"; readonly last: ChainLink; readonly done: boolean }
  /** The event of this number is missing, altered, or not what the head says. */
  | { readonly type: "broken"; readonly seq: number };

/** Checks up to `limit` events behind `from`, and at the end that the head is the last of them. */
export async function verifyEvents(
  reader: Reader,
  from: ChainLink,
  limit: number,
): Promise<ChainCheck> {
  const entries = await reader.scan(eventsRange(from.seq), { limit });
  let last = from;
  for (const { key, value } of entries) {
    const stored = decodeEntry(key, value);
    const expected = nextLink(last, stored.payload);
    const intact = stored.seq === expected.seq && Buffer.compare(stored.hash, expected.hash) === 0;
    if (!intact) return { type: "broken", seq: expected.seq };
    last = expected;
  }
  if (entries.length === limit) return { type: "intact", last, done: false };
  const head = await readHead(reader);
  const ends = head.seq === last.seq && Buffer.compare(head.hash, last.hash) === 0;
  return ends ? { type: "intact", last, done: true } : { type: "broken", seq: last.seq + 1 };
}
