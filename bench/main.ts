// `npm run bench -- NAME [--peers a,b] [--rounds N] [--json FILE]`: ours and the peer side by side
// in one run, alternating rounds, medians. Ratios mean something; absolute figures of a shared
// machine do not.

import { parseArgs } from "node:util";
import { benchRegistry } from "./registry.ts";
import { type BenchOptions, type Row, renderTable, writeJson } from "./result.ts";
import { benchRocksdb } from "./rocksdb.ts";

const benches: Record<string, (options: BenchOptions) => Promise<Row[]>> = {
  registry: benchRegistry,
  rocksdb: benchRocksdb,
};

const usage = `usage: npm run bench -- NAME [--peers a,b] [--rounds N] [--json FILE]
names: ${Object.keys(benches).join(", ")}`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peers: { type: "string", default: "" },
    rounds: { type: "string", default: "3" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const name = positionals[0] ?? "";
const bench = benches[name];
const rounds = Number(values.rounds);
if (values.help || bench === undefined || !Number.isInteger(rounds) || rounds < 1) {
  console.error(usage);
  process.exit(values.help ? 0 : 2);
}
const peers = values.peers.split(",").filter((peer) => peer !== "");
const rows = await bench({ peers, rounds });
console.log(renderTable(rows));
if (values.json !== undefined) writeJson(values.json, name, rows);
