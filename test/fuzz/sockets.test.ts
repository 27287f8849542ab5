// Raw bytes at the port of a whole registry: requests that are nearly HTTP, bodies whose chunks lie
// about their length, connections that end in the middle. Whatever comes, every connection ends, no
// answer is 500, and the registry still serves.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before } from "node:test";
import { computeDigest } from "@sampan/oci/model";
import type { RandomSource } from "@sampan/oci/testing";
import { fuzz, mutateBytes, pick } from "@sampan/oci/testing/fuzz";
import type { RegistryWorld } from "../e2e/registry-world.ts";
import { startRegistryWorld } from "../e2e/registry-world.ts";

const rounds = 1_500;
/** Longer than any answer takes; what is still open then hangs. */
const patienceMs = 10_000;
/** What the process may grow by over all rounds. */
const growthBytesMax = 384 * 1024 * 1024;

let world: RegistryWorld;
let rssBytes = 0;

before(async () => {
  world = await startRegistryWorld();
  rssBytes = process.memoryUsage.rss();
});

after(async () => {
  try {
    assert.equal(
      (await fetch(new URL("/v2/", world.url), { headers: { authorization } })).status,
      200,
    );
    assert.ok(process.memoryUsage.rss() - rssBytes < growthBytesMax, "memory has grown");
  } finally {
    await world.close();
  }
});

const password = "admin:correct-horse-battery";
const authorization = `Basic ${Buffer.from(password).toString("base64")}`;
const digest = computeDigest(Buffer.from("x"));
const head = `Host: registry.test\r\nAuthorization: ${authorization}\r\n`;
const uploads = "/v2/library/app/blobs/uploads/";
const id = "00000000-0000-4000-8000-000000000000";
const index =
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}';

function sized(method: string, path: string, body: string): string {
  return `${method} ${path} HTTP/1.1\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`;
}

function chunked(method: string, path: string, chunks: string): string {
  return `${method} ${path} HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n${chunks}`;
}

const requests = [
  `GET /v2/ HTTP/1.1\r\n${head}\r\n`,
  `GET /v2/_catalog?n=5&last=a HTTP/1.1\r\n${head}\r\n`,
  `GET /v2/library/app/blobs/${digest} HTTP/1.1\r\n${head}Range: bytes=0-0\r\n\r\n`,
  `GET /v2/library/app/manifests/v1 HTTP/1.1\r\n${head}Accept: application/json, */*;q=0.1\r\n\r\n`,
  `GET http://registry.test/v2/library/app/tags/list HTTP/1.1\r\n${head}\r\n`,
  `HEAD /v2/library/app/manifests/v1 HTTP/1.0\r\n${head}\r\n`,
  `GET /service/token?service=x&scope=repository:library/app:pull,push HTTP/1.1\r\n${head}\r\n`,
  `OPTIONS * HTTP/1.1\r\n${head}\r\n`,
  sized("POST", `${uploads}?digest=${digest}`, "x"),
  sized("POST", uploads, ""),
  sized("PUT", "/v2/library/app/manifests/v1", index),
  sized("PATCH", `${uploads}${id}`, "0123"),
  sized("POST", "/api/v2.0/projects", '{"project_name":"x"}'),
  sized("POST", "/service/token", "grant_type=password&username=admin&password=x"),
  chunked("POST", `${uploads}?digest=${digest}`, "1\r\nx\r\n0\r\n\r\n"),
  chunked("POST", `${uploads}?digest=${digest}`, "1;name=value\r\nx\r\n0\r\nTrailer: x\r\n\r\n"),
  chunked("POST", `${uploads}?digest=${digest}`, "ffffffffffffffff\r\nx\r\n0\r\n\r\n"),
  chunked("POST", `${uploads}?digest=${digest}`, "-1\r\nx\r\n0\r\n\r\n"),
  chunked(
    "PUT",
    "/v2/library/app/manifests/v1",
    `${index.length.toString(16)}\r\n${index}\r\n0\r\n\r\n`,
  ),
  `PUT ${uploads}${id} HTTP/1.1\r\n${head}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n`,
  `GET /v2/ HTTP/1.1\r\n${head}Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n`,
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
] as const;

/** One to three requests, whole, cut short or mutated, on one connection. */
function bytesOf(random: RandomSource): Uint8Array {
  const texts = Array.from({ length: 1 + random.int(3) }, () => pick(random, requests));
  const sound = Buffer.from(texts.join(""), "latin1");
  switch (random.int(5)) {
    case 0:
      return sound;
    case 1:
      return sound.subarray(0, 1 + random.int(sound.length));
    case 2:
      return random.bytes(1 + random.int(400));
    default:
      return mutateBytes(random, sound);
  }
}

/** All that comes back until the other side closes. */
async function exchange(random: RandomSource): Promise<string> {
  const { hostname, port } = world.url;
  const socket = connect(Number(port), hostname);
  const answers: Buffer[] = [];
  let hung = false;
  socket.on("data", (part: Buffer) => answers.push(part));
  // A connection that is reset is one that ended.
  socket.on("error", () => undefined);
  socket.setTimeout(patienceMs, () => {
    hung = true;
    socket.destroy();
  });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await Promise.race([once(socket, "connect").catch(() => undefined), closed]);
  const bytes = bytesOf(random);
  const cut = random.int(bytes.length + 1);
  socket.write(bytes.subarray(0, cut));
  socket.write(bytes.subarray(cut));
  // Some clients leave without a word, which no one answers.
  if (random.int(8) === 0) socket.destroy();
  else socket.end();
  await closed;
  assert.ok(!hung, "the connection was left open");
  return Buffer.concat(answers).toString("latin1");
}

fuzz(
  { name: "no bytes hang a connection, and none is answered with 500", rounds },
  async (random) => {
    const answer = await exchange(random);
    if (answer !== "") assert.match(answer, /^HTTP\/1\.1 [1-4]\d\d /);
    assert.doesNotMatch(answer, /(?:^|\n)HTTP\/1\.1 5\d\d /);
  },
);
