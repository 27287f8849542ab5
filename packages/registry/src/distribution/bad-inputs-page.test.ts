// docs/reference/bad-inputs.md is what a registry answers, not what somebody believes: every row is
// sent, and the page is compared with the answers. `npm test -- --rewrite bad-inputs` writes it.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { computeDigest, distributionErrors } from "@sampan/oci/model";
import { type BadInput, badInputs, blobBytes, repository } from "./testing/bad-inputs.ts";
import type { Answer } from "./testing/http-client.ts";
import { type PushedImage, type RegistryWorld, worldTest } from "./testing/registry-world.ts";

const page = fileURLToPath(new URL("../../../../docs/reference/bad-inputs.md", import.meta.url));

worldTest("the page of bad inputs says what is answered", {}, async (world) => {
  const image = await world.pushImage(repository, "v1", "a");
  await world.pushBlob(repository, blobBytes);
  const sections: string[] = [];
  for (const { heading, inputs } of badInputs) {
    const rows: string[] = [];
    for (const input of inputs) rows.push(rowOf(input, await send(world, image, input)));
    sections.push([`## ${heading}`, "", ...tableHead, ...rows].join("\n"));
  }
  await world.expect(200, "GET", `/v2/${repository}/manifests/v1`);
  assert.deepEqual(world.lines, [], "none of it is worth a warning");
  const text = [intro, ...sections, codes()].join("\n\n").concat("\n");
  if (process.env["SAMPAN_REWRITE"] === "1") await writeFile(page, text);
  const stored = await readFile(page, "utf8");
  assert.equal(stored, text, "stale; write it anew with: npm test -- --rewrite bad-inputs");
});

const intro = `# Bad inputs and their answers

<!-- Made from what a registry answers by: npm test -- --rewrite bad-inputs -->

What \`/v2/\` answers to requests that are wrong, one row each. A test sends every one of them, so
the page is true. The body of a refusal is JSON, \`{"errors":[{"code","message","detail"}]}\`; its
code and message are shown. Nothing of what was refused stays behind, and the registry goes on.

The registry of the test holds the image \`library/app:v1\` and a blob of ten bytes; an upload holds
four bytes.`;

const tableHead = [
  "| method | input | status | code | message, headers |",
  "|---|---|---|---|---|",
];

async function send(world: RegistryWorld, image: PushedImage, input: BadInput): Promise<Answer> {
  const upload = input.path.startsWith("{") ? await begin(world) : "";
  const path = input.path
    .replace("{upload}", upload)
    .replace("{elsewhere}", upload.replace("library/app", "library/other"))
    .replace("{config}", computeDigest(image.config));
  return await world.send(input.method, path, input.asked);
}

async function begin(world: RegistryWorld): Promise<string> {
  const path = await world.begin(repository);
  await world.expect(202, "PATCH", path, { body: "0123" });
  return path;
}

const shownHeaders = ["allow", "content-range", "range", "link"] as const;

function rowOf({ what, method }: BadInput, answer: Answer): string {
  assert.ok(answer.status < 500, `${what}: ${answer.status}`);
  const { headers, status } = answer;
  const [error] = status < 400 || method === "HEAD" ? [] : errorsOf(answer);
  const code = error === undefined ? "" : `\`${error.code}\``;
  const words = error === undefined ? [] : [shortened(error.message)];
  for (const name of shownHeaders) {
    if (headers[name] !== undefined) words.push(`\`${titled(name)}: ${headers[name]}\``);
  }
  return `| ${method} | ${what} | ${status} | ${code} | ${words.join("; ")} |`;
}

interface WireEntry {
  readonly code: string;
  readonly message: string;
}

function errorsOf(answer: Answer): readonly WireEntry[] {
  return (JSON.parse(answer.body.toString()) as { errors: WireEntry[] }).errors;
}

/** Digests are long and say nothing here; a bar would end the cell. */
function shortened(message: string): string {
  return message
    .replace(/[<>]/g, "\\$&")
    .replace(/(sha\d+:[0-9a-f]{8})[0-9a-f]{20,}/g, "$1…")
    .replaceAll("|", "\\|");
}

function titled(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/** The table behind all answers, also of those that no bad input alone brings about. */
function codes(): string {
  const rows = Object.values(distributionErrors).map(
    ({ status, code, message }) => `| ${status} | \`${code}\` | ${message} |`,
  );
  return [
    "## All errors",
    "",
    "`429` and `503` come with `Retry-After`, `405` with `Allow`, `401` with `WWW-Authenticate`.",
    "",
    "| status | code | message, where nothing more exact is said |",
    "|---|---|---|",
    ...rows,
  ].join("\n");
}
