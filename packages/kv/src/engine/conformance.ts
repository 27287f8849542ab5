// What every engine must pass: the sentences of engine.ts, one by one.

import { test } from "node:test";
import { batchCases } from "./conformance/batches.ts";
import { checkpointCases } from "./conformance/checkpoints.ts";
import { closingCases } from "./conformance/closing.ts";
import type { EngineCase, EngineUnderTest } from "./conformance/engine-case.ts";
import { iteratorCases } from "./conformance/iterators.ts";
import { orderCases } from "./conformance/order.ts";
import { readCases } from "./conformance/reads.ts";
import { seekCases } from "./conformance/seeks.ts";
import { snapshotCases } from "./conformance/snapshots.ts";

export type { EngineUnderTest } from "./conformance/engine-case.ts";

const cases: readonly EngineCase[] = [
  ...readCases,
  ...batchCases,
  ...orderCases,
  ...snapshotCases,
  ...iteratorCases,
  ...seekCases,
  ...closingCases,
  ...checkpointCases,
];

export function engineConformance(name: string, create: () => Promise<EngineUnderTest>): void {
  for (const { sentence, run } of cases) {
    test(`${name}: ${sentence}`, async () => {
      const under = await create();
      try {
        await run(under);
      } finally {
        await under.engine.close();
        await under.dispose();
      }
    });
  }
}
