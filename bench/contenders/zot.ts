// The CNCF registry zot in its minimal build, filesystem storage, no TLS, no auth. What its
// configuration does not name stays as it comes: it finds equal blobs and keeps them once, and
// collects garbage now and then.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Contender, freePort, hasProgram, startServer } from "../process.ts";

const program = process.env["BENCH_ZOT"] || "zot";

export const zot: Contender = {
  name: "zot",
  missing: () =>
    hasProgram(program)
      ? null
      : `${program}: put zot's minimal build on the PATH as zot, or name it in BENCH_ZOT`,
  start: async (directory) => {
    const data = join(directory, "zot");
    mkdirSync(data, { recursive: true });
    const port = await freePort();
    const config = join(data, "config.json");
    writeFileSync(config, JSON.stringify(configuration(join(data, "data"), port)));
    return startServer({
      name: "zot",
      file: program,
      args: ["serve", config],
      url: `http://127.0.0.1:${port}`,
      readyPath: "/v2/",
    });
  },
};

function configuration(rootDirectory: string, port: number) {
  return {
    distSpecVersion: "1.1.1",
    storage: { rootDirectory },
    http: { address: "127.0.0.1", port: String(port) },
    log: { level: "error" },
  };
}
