// `sampan artifact copy`: the noun's verbs and what they are told on the command line.

import { type Command, InvalidArgumentError } from "commander";
import { refuseSecretFlag } from "../secret-flag.ts";
import type { Terminal } from "../terminal.ts";
import { type CopyOptions, copy } from "./copy.ts";

export function addArtifact(program: Command, terminal: Terminal): void {
  const artifact = program
    .command("artifact")
    .summary("copy images between registries")
    .description("Images, indexes and artifacts in any registry, Sampan's or another's.");

  const command = artifact
    .command("copy")
    .argument("<SRC>", "HOST[:PORT]/REPOSITORY[:TAG|@DIGEST], without either :latest")
    .argument("<DST>", "HOST[:PORT]/REPOSITORY[:TAG], without a tag that of SRC")
    .summary("copy an image from one registry to another")
    .description(
      "Copy an image, with all platforms of an index, from one repository to another. What the " +
        "target has is not sent; within one registry blobs are mounted. The tag is written last.",
    )
    .option(
      "--platform <OS/ARCH>",
      "only this image of an index, such as linux/arm64 or linux/arm/v7",
    )
    .option("--referrers", "also signatures, SBOMs and attestations of what is copied")
    .option("--jobs <N>", "blobs that move at the same time", parseJobs, jobsDefault)
    .option("--src-creds-stdin", "read USER:PASSWORD for SRC from a line of standard input")
    .option("--dst-creds-stdin", "read USER:PASSWORD for DST, from the next line if both are given")
    .option("--ca-file <FILE>", "PEM certificates to trust, for both registries")
    .option("--src-insecure", "take any certificate of SRC's registry")
    .option("--dst-insecure", "take any certificate of DST's registry")
    .option("--src-plain-http", "speak HTTP without TLS to SRC's registry")
    .option("--dst-plain-http", "speak HTTP without TLS to DST's registry")
    .option("--quiet", "show no progress")
    .option("--json", "print JSON")
    .addHelpText("after", help)
    .action((source: string, target: string, options: CopyOptions) =>
      copy(terminal, { source, target }, options),
    );
  refuseSecretFlag(command, "--src-creds", "with --src-creds-stdin");
  refuseSecretFlag(command, "--dst-creds", "with --dst-creds-stdin");
}

const jobsDefault = 3;
const jobsMax = 16;

function parseJobs(text: string): number {
  const jobs = /^[0-9]{1,2}$/.test(text) ? Number(text) : 0;
  if (jobs >= 1 && jobs <= jobsMax) return jobs;
  throw new InvalidArgumentError(`give a number from 1 to ${jobsMax}`);
}

const help = `
Logins come from the files that docker and podman keep: $REGISTRY_AUTH_FILE,
containers/auth.json, ~/.docker/config.json, and the credential helpers named
there. Localhost is spoken to without TLS, unless certificates are named.

Progress goes to standard error, the result to standard output.
Exit code 0 when DST is there, 1 when it is not, 2 for a wrong command line,
130 when it was stopped.

Examples:
  sampan artifact copy docker.io/alpine:3 registry.example.com/base/alpine:3
  sampan artifact copy --platform linux/arm64 quay.io/a/app:1.0 localhost:8080/a
  sampan artifact copy --referrers --json r1.example.com/app:2 r2.example.com/b
  printf 'ci:%s\\n' "$TOKEN" | sampan artifact copy --dst-creds-stdin SRC DST`;
