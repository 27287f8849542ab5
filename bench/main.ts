// `npm run bench -- NAME [--peers a,b] [--rounds N] [--json FILE] [--plot FILE]`: ours and the peer
// side by side in one run, alternating rounds, medians. Ratios mean something; absolute figures of a
// shared machine do not.

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { benchCollection } from "./collection.ts";
import { renderPlot } from "./plot.ts";
import { benchProfile } from "./profile.ts";
import { benchRegistry } from "./registry.ts";
import { benchRegistrySize } from "./registry-size.ts";
import {
  type BenchOptions,
  BenchRefusal,
  type Row,
  renderTable,
  runOf,
  writeJson,
} from "./result.ts";
import { benchRocksdb } from "./rocksdb.ts";

const benches: Record<string, (options: BenchOptions) => Promise<Row[]>> = {
  collection: benchCollection,
  profile: benchProfile,
  registry: benchRegistry,
  "registry-size": benchRegistrySize,
  rocksdb: benchRocksdb,
};

const usage = `usage: npm run bench -- NAME [--peers a,b] [--rounds N] [--json FILE] [--plot FILE]

  registry       manifests, blobs, lists and memory; peers: distribution, zot
  registry-size  one repository alone, and among 10,000 others
  collection     what nothing refers to is freed, while pushes go on
  profile        where the server's CPU time goes in those works (needs perf)
  rocksdb        the addon against its own bars

  --peers a,b  measured beside ours, in the same rounds
  --rounds N   how often each takes its turn; medians are told (3)
  --only TEXT  of registry: only works with this in their names
  --json FILE  the rows as JSON
  --plot FILE  their ratios as a picture (SVG)`;

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        peers: { type: "string", default: "" },
        rounds: { type: "string", default: "3" },
        only: { type: "string", default: "" },
        json: { type: "string" },
        plot: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return process.exit(2);
  }
}

const { values, positionals } = readArguments();
const name = positionals[0] ?? "";
const bench = benches[name];
const rounds = Number(values.rounds);
if (values.help || bench === undefined || !Number.isInteger(rounds) || rounds < 1) {
  console.error(usage);
  process.exit(values.help ? 0 : 2);
}
const peers = values.peers.split(",").filter((peer) => peer !== "");
try {
  const rows = await bench({ peers, rounds, only: values.only });
  console.log(renderTable(rows));
  const run = runOf(name, rows);
  if (values.json !== undefined) writeJson(values.json, run);
  if (values.plot !== undefined) writeFileSync(values.plot, renderPlot(run));
} catch (error) {
  if (!(error instanceof BenchRefusal)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
