// nginx in front of the registry, configured with the very text of our guide, so that the guide
// cannot say what does not work.

import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { Issued } from "./authority.ts";
import type { Need } from "./client.ts";
import { startDaemon } from "./command.ts";

export const nginxNeeds: readonly Need[] = [
  { command: "nginx", packages: ["nginx-light", "nginx"] },
];

export interface Nginx {
  stop(): Promise<void>;
  /** The end of its error log. */
  lastWords(): Promise<string>;
}

const startTriesMax = 100;
const startTryMs = 50;
/** Where the guide's configuration listens, and looks for the certificate. */
const port = 443;
const certificate = "/etc/ssl/registry.example.com.pem";
const key = "/etc/ssl/registry.example.com.key";

/** Only on a machine of its own: it listens on port 443 and writes to /etc. */
export async function startNginx(folder: string, guide: string, issued: Issued): Promise<Nginx> {
  await mkdir("/etc/ssl", { recursive: true });
  await copyFile(issued.certificate, certificate);
  await copyFile(issued.key, key);
  const configuration = join(folder, "nginx.conf");
  await writeFile(join(folder, "guide.conf"), await guideConfiguration(guide));
  await writeFile(configuration, around(folder));
  const logFile = join(folder, "nginx.log");
  const daemon = startDaemon("nginx", ["-c", configuration, "-p", folder], { logFile });
  const lastWords = async () => (await readFile(logFile, "utf8")).slice(-2000);
  for (let count = 0; count < startTriesMax; count++) {
    if (daemon.process.exitCode !== null) break;
    if (await answers(port)) return { stop: () => daemon.stop(), lastWords };
    await new Promise((resolve) => setTimeout(resolve, startTryMs));
  }
  await daemon.stop();
  throw new Error(`nginx did not start: ${await lastWords()}`);
}

/** The one block of nginx's configuration that the guide shows. */
async function guideConfiguration(guide: string): Promise<string> {
  const text = await readFile(guide, "utf8");
  const blocks = [...text.matchAll(/^```nginx\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
  const [block] = blocks;
  if (block === undefined || blocks.length > 1) {
    throw new Error(`${guide} shows ${blocks.length} configurations of nginx, not one`);
  }
  for (const path of [certificate, key]) {
    if (!block.includes(` ${path};`)) throw new Error(`${guide} does not name ${path}`);
  }
  return block;
}

/** What Debian's nginx.conf is to the files of sites-enabled, with all files in the folder. */
function around(folder: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
worker_processes auto;
pid ${join(folder, "nginx.pid")};
error_log stderr warn;
events {
    worker_connections 768;
}
http {
    access_log off;
${temporary.map((name) => `    ${name}_temp_path ${join(folder, `nginx-${name}`)};`).join("\n")}
    include ${join(folder, "guide.conf")};
}
`;
}

function answers(at: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(at, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
