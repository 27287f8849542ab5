// A thousand clients that fall silent, half of them in the body of an upload, half without reading
// their download: what they cost the built server in memory, and whether others are still served.
//
//   node --conditions=source --import tsx test/stalls/main.ts [CLIENTS]

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MiB = 1024 * 1024;
const blobBytes = 16 * MiB;
/** What a stalled upload sends before it falls silent: enough to fill any buffer of ours. */
const sentBytes = 2 * MiB;
const probesCount = 200;
/** Uploads of one address have a share; so many addresses take all there is. */
const addressesCount = 8;
const repository = "library/stalls";

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
}

async function main(clientsCount: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sampan-stalls-"));
  const server = await startServer(directory);
  const sockets: Socket[] = [];
  try {
    const digest = await pushBlob(server, blobBytes);
    const before = { rss: residentMiB(server), probe: await probe(server) };
    const uploads = Array.from({ length: clientsCount / 2 }, (_, n) => stallUpload(server, n));
    const downloads = Array.from({ length: clientsCount / 2 }, (_, n) =>
      stallDownload(server, { digest, n }),
    );
    const stalled = await Promise.all([...uploads, ...downloads]);
    sockets.push(...stalled.map(({ socket }) => socket));
    await sleep(3_000);
    const during = { rss: residentMiB(server), probe: await probe(server) };
    const pushMs = await timed(() => pushBlob(server, MiB));
    const refused = stalled.filter(({ refusedWith }) => refusedWith() === 429).length;
    process.stdout.write(
      [
        `clients              ${clientsCount}: ${clientsCount / 2} in uploads, as many in downloads`,
        `uploads refused      ${refused} (429)`,
        `resident before      ${before.rss.toFixed(1)} MiB`,
        `resident with them   ${during.rss.toFixed(1)} MiB`,
        `each                 ${(((during.rss - before.rss) * 1024) / clientsCount).toFixed(0)} KiB`,
        `blob HEAD before     ${before.probe}`,
        `blob HEAD with them  ${during.probe}`,
        `push of 1 MiB        ${pushMs.toFixed(0)} ms`,
        "",
      ].join("\n"),
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    server.child.kill("SIGTERM");
    await new Promise((resolve) => server.child.once("exit", resolve));
    await rm(directory, { recursive: true });
  }
}

async function startServer(directory: string): Promise<Server> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const bin = fileURLToPath(new URL("../../packages/cli/bin/sampan.cjs", import.meta.url));
  const listen = ["--listen", `127.0.0.1:${port}`, "--admin-listen", `127.0.0.1:${adminPort}`];
  const flags = ["--data", join(directory, "data"), "--auth", "none", "--drain-timeout", "1s"];
  // Nobody is a proxy here: each address on loopback is a client of its own.
  const args = [bin, "up", ...flags, ...listen, "--trusted-proxies", "none"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const url = `http://127.0.0.1:${port}/readyz`;
  while (
    !(await fetch(url)
      .then(({ ok }) => ok)
      .catch(() => false))
  )
    await sleep(100);
  return { child, port };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Of other bytes every time; gives the digest. */
async function pushBlob({ port }: Server, bytes: number): Promise<string> {
  const body = Buffer.alloc(bytes, String(performance.now()));
  const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
  const url = `http://127.0.0.1:${port}/v2/${repository}/blobs/uploads/?digest=${digest}`;
  const { status } = await fetch(url, { method: "POST", body });
  if (status !== 201) throw new Error(`push: ${status}`);
  return digest;
}

interface Stalled {
  readonly socket: Socket;
  /** The status of an answer, if there is one; else 0. */
  readonly refusedWith: () => number;
}

async function dial({ port }: Server, n: number): Promise<Socket> {
  const localAddress = `127.0.1.${1 + (n % addressesCount)}`;
  const socket = connect({ host: "127.0.0.1", port, localAddress });
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  return socket;
}

async function stallUpload(server: Server, n: number): Promise<Stalled> {
  const socket = await dial(server, n);
  let answer = "";
  socket.on("data", (part) => {
    answer += part;
  });
  const digest = `sha256:${"0".repeat(64)}`;
  const target = `/v2/${repository}/blobs/uploads/?digest=${digest}`;
  const head = `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${blobBytes}\r\n\r\n`;
  socket.write(head);
  socket.write(Buffer.alloc(sentBytes, n));
  return { socket, refusedWith: () => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0) };
}

async function stallDownload(
  server: Server,
  { digest, n }: { readonly digest: string; readonly n: number },
): Promise<Stalled> {
  const socket = await dial(server, n);
  socket.pause();
  socket.write(`GET /v2/${repository}/blobs/${digest} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return { socket, refusedWith: () => 0 };
}

/** Questions one after the other, on new connections: median and 99th percentile. */
async function probe({ port }: Server): Promise<string> {
  const digest = `sha256:${"1".repeat(64)}`;
  const times: number[] = [];
  for (let n = 0; n < probesCount; n += 1) {
    const url = `http://127.0.0.1:${port}/v2/${repository}/blobs/${digest}`;
    times.push(await timed(() => fetch(url, { method: "HEAD" })));
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.floor(share * (probesCount - 1))] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function residentMiB({ child }: Server): number {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

await main(Number(process.argv[2] ?? 1_000));
