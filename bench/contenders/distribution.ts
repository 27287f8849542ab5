// The CNCF distribution registry as Debian packages it, filesystem storage, no TLS, no auth.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Contender, freePort, hasProgram, startServer } from "../process.ts";

export const distribution: Contender = {
  name: "distribution",
  missing: () =>
    hasProgram("docker-registry") ? null : "docker-registry: apt-get install docker-registry",
  start: async (directory) => {
    const data = join(directory, "distribution");
    mkdirSync(data, { recursive: true });
    const listen = `127.0.0.1:${await freePort()}`;
    const config = join(data, "config.yml");
    writeFileSync(config, configuration(join(data, "data"), listen));
    return startServer({
      name: "distribution",
      file: "docker-registry",
      args: ["serve", config],
      url: `http://${listen}`,
      readyPath: "/v2/",
    });
  },
};

function configuration(data: string, listen: string): string {
  return `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: ${data}, maxthreads: 100 }
  delete: { enabled: true }
  cache: { blobdescriptor: inmemory }
http: { addr: "${listen}" }
`;
}
