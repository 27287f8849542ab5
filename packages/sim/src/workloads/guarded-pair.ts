// Guarded pair: two accounts that may each go below zero as long as both together do not. A
// withdrawal reads both and writes one: under snapshot isolation that is a write skew, unless it
// locks the other.

import type { Store } from "@sampan/kv/txn";
import { attempt, attemptLook } from "./attempt.ts";
import type { Client, StepResult, Workload } from "./workload.ts";

type StoreClient = Client<Store>;

const openingBalance = 50;

export function createGuardedPair(problem: (text: string) => void): Workload<Store> {
  return {
    name: "guarded-pair",
    setUp: async () => undefined,
    step: async (client, isQuiet) => {
      const { random } = client.env;
      const kind = isQuiet ? 1 : random.int(4);
      if (kind === 0) return deposit(client);
      return kind === 1 ? audit(client, problem) : withdraw(client);
    },
    check: async ({ target: store }) => {
      const snapshot = await store.snapshot();
      const [left, right] = (await snapshot.getMany([keyOf(0), keyOf(1)])).map(balanceOf);
      snapshot.release();
      const total = (left ?? 0) + (right ?? 0);
      return total < 0 ? [`guarded-pair: ${left} and ${right} in the end`] : [];
    },
  };
}

async function withdraw({ env, target: store }: StoreClient): Promise<StepResult> {
  const side = env.random.int(2);
  const amount = 1 + env.random.int(60);
  const isHot = env.random.int(4) === 0;
  const done = await attempt(() =>
    store.transact(async (transaction) => {
      if (isHot) await transaction.lock([keyOf(1 - side)], { hot: true });
      const [mine = 0, other = 0] = (await transaction.getMany([keyOf(side), keyOf(1 - side)])).map(
        balanceOf,
      );
      if (mine + other < amount) return "refused";
      if (!isHot) await transaction.lock([keyOf(1 - side)]);
      transaction.put(keyOf(side), Buffer.from(`${mine - amount}`));
      return "withdrawn";
    }),
  );
  return { operation: "withdraw", outcome: outcomeOf(done) };
}

async function deposit({ env, target: store }: StoreClient): Promise<StepResult> {
  const side = env.random.int(2);
  const done = await attempt(() =>
    store.transact(async (transaction) => {
      const balance = balanceOf(await transaction.get(keyOf(side)));
      transaction.put(keyOf(side), Buffer.from(`${balance + 30}`));
      return "deposited";
    }),
  );
  return { operation: "deposit", outcome: outcomeOf(done) };
}

async function audit(
  { target: store }: StoreClient,
  problem: (text: string) => void,
): Promise<StepResult> {
  const seen = await attemptLook(store, async (reader) => {
    const [left = 0, right = 0] = (await reader.getMany([keyOf(0), keyOf(1)])).map(balanceOf);
    if (left + right < 0) problem(`guarded-pair: ${left} and ${right} together are below zero`);
  });
  return { operation: "audit", outcome: seen.type === "seen" ? "seen" : seen.reason };
}

function outcomeOf(done: Awaited<ReturnType<typeof attempt<string>>>): string {
  if (done.type === "unknown") return "unknown";
  return done.type === "committed" ? done.value : done.reason;
}

function keyOf(side: number): Buffer {
  return Buffer.from(`pair/${side}`);
}

/** Accounts open with money in them. */
function balanceOf(value: Uint8Array | null): number {
  return value === null ? openingBalance : Number(Buffer.from(value).toString());
}
