// A change writes its event in its own transaction, so that there is never one without the other.
// The row's key is the transaction's, so that no two changes meet; the sequencer orders the rows
// later.

import type { Transaction } from "@sampan/kv/txn";
import { outboxKey } from "../meta/keys.ts";
import { decodeJson, encodeJson } from "../meta/record-bytes.ts";
import type { EventBody, OutboxEvent } from "./event.ts";

const eventVersion = 1;

export interface Outbox {
  add(event: EventBody): void;
}

/** A transaction has one outbox. `occurredMs` is the wall clock's. */
export function createOutbox(
  transaction: Transaction,
  origin: { readonly actor: string; readonly occurredMs: number },
): Outbox {
  let n = 0;
  return {
    add(event) {
      const { occurredMs, actor } = origin;
      const key = outboxKey(transaction.startTs, n);
      transaction.put(key, encodeJson(eventVersion, { ...event, occurredMs, actor }));
      n += 1;
    },
  };
}

export function decodeEvent(bytes: Uint8Array): OutboxEvent {
  return decodeJson<OutboxEvent>(bytes, eventVersion);
}
