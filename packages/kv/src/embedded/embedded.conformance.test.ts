// The embedded store keeps the contract of transactions: at once, on a slow disk, and seen through
// the strict twin with its injections off.

import { storeConformance } from "../txn/conformance.ts";
import { createStrictStore, strictCalm } from "../txn/strict.ts";
import { slowDisk, withSimulatedStore } from "./testing/simulated-store.ts";

storeConformance("embedded store", (body) => withSimulatedStore({}, body));

storeConformance("embedded store on a slow disk", (body) =>
  withSimulatedStore({ engine: slowDisk }, body),
);

storeConformance("strict twin of an embedded store", (body) =>
  withSimulatedStore({ engine: slowDisk }, async ({ world, store, pass }) => {
    const strict = createStrictStore(world.env, store, strictCalm);
    await body({ store: strict, pass });
    await strict.close();
  }),
);
