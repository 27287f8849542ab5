// `sampan store check`: reads everything that is stored again and says what is damaged.

import type { ApiStoreCheck } from "@sampan/registry/schema";
import type { Command } from "commander";
import { CommandFailure } from "../failure.ts";
import { printable, printJson } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { connect, type ServerClient, type ServerOptions } from "./server-client.ts";
import { addServerOptions, loginHelp } from "./server-options.ts";
import { binarySize } from "./sizes.ts";

const checkPath = "/api/v2.0/system/store/check";

export function addStore(program: Command, terminal: Terminal): void {
  const store = program
    .command("store")
    .summary("look after what is stored")
    .description("Look after what a server has stored.");

  const checkCommand = store
    .command("check")
    .summary("read everything again and report damage")
    .description(
      "Read every blob and manifest again and compare it with its digest. Changes nothing; the " +
        "server goes on serving. Asks as administrator.",
    )
    .addHelpText("after", `${loginHelp}${help}`)
    .action((options) => check(terminal, options));
  addServerOptions(checkCommand);
}

const help = `
A damaged blob is healed by pushing it again.

Exit code 0 when all is well, 1 when something is damaged.

Examples:
  sampan store check
  sampan store check --json | jq -r '.findings[].digest'`;

interface Report {
  readonly checked: number;
  readonly bytes: number;
  readonly findings: readonly ApiStoreCheck["findings"][number][];
}

async function check(terminal: Terminal, options: ServerOptions): Promise<void> {
  const server = await connect(terminal, options);
  const report = await checkAll(server, (progress) => {
    if (options.json !== true) terminal.err(`sampan: ${summary(progress)} so far\n`);
  });
  if (options.json === true) printJson(terminal, report);
  else {
    for (const { kind, digest, damage, detail } of report.findings) {
      terminal.out(`${damage} ${kind} ${digest}: ${printable(detail)}\n`);
    }
    if (report.findings.length === 0) terminal.out(`all is well: ${summary(report)}\n`);
  }
  if (report.findings.length === 0) return;
  const damaged = report.findings.length === 1 ? "1 is" : `${report.findings.length} are`;
  throw new CommandFailure(`${summary(report)}, ${damaged} damaged; push what is damaged again`);
}

function summary({ checked, bytes }: Report): string {
  return `${checked} blobs and manifests, ${binarySize(bytes)}`;
}

async function checkAll(
  server: ServerClient,
  onProgress: (report: Report) => void,
): Promise<Report> {
  const findings: ApiStoreCheck["findings"][number][] = [];
  let [checked, bytes] = [0, 0];
  let after: string | null = null;
  for (;;) {
    const query: string = after === null ? "" : `?after=${encodeURIComponent(after)}`;
    const { body } = await server.demand("POST", `${checkPath}${query}`);
    const page = body as ApiStoreCheck;
    checked += page.checked;
    bytes += page.bytes;
    findings.push(...page.findings);
    if (page.next === null) return { checked, bytes, findings };
    after = page.next;
    onProgress({ checked, bytes, findings });
  }
}
