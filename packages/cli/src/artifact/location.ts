// SRC and DST on the command line: which registry, which repository, which image in it.

import type { Reference, RepositoryName, Tag } from "@sampan/oci/model";
import { parseImageReference, parseRepositoryName } from "@sampan/oci/model";
import { CommandFailure } from "../failure.ts";

export interface Location {
  /** As it was typed: `registry.example.com:5000/team/app:1.0`. */
  readonly text: string;
  /** The host as it was typed, under which logins are kept. */
  readonly host: string;
  readonly registry: URL;
  readonly repository: RepositoryName;
  /** What is asked for; a digest wins over a tag beside it. Null: neither was typed. */
  readonly reference: Reference | null;
  readonly tag: Tag | null;
}

export interface Transport {
  /** Speak HTTP without TLS. */
  readonly plainHttp: boolean;
  /** Something was said about certificates, so it is TLS that is meant. */
  readonly tls: boolean;
}

/** Docker Hub's API is not where its name says. */
const dockerHub = { name: "docker.io", api: "registry-1.docker.io", single: "library/" } as const;

/** `place` is SRC or DST. */
export function parseLocation(text: string, place: string, transport: Transport): Location {
  const parsed = parseImageReference(text);
  if (!parsed.ok) throw notALocation(text, place, words[parsed.error]);
  const { registry: host, repository, tag, digest } = parsed.value;
  if (host === null) throw notALocation(text, place, "it names no registry");
  const isHub = host.toLowerCase() === dockerHub.name;
  const plain = transport.plainHttp || (isLoopback(host) && !transport.tls);
  const byTag = tag === null ? null : ({ type: "tag", tag } as const);
  return {
    text,
    host,
    registry: new URL(`${plain ? "http" : "https"}://${isHub ? dockerHub.api : host}`),
    repository: isHub ? hubName(repository) : repository,
    reference: digest === null ? byTag : { type: "digest", digest },
    tag,
  };
}

const words = {
  "registry-invalid": "the registry is no HOST or HOST:PORT",
  "name-invalid": "the repository is no lower-case name",
  "tag-invalid": "the tag is none",
  "digest-invalid": "the digest is none",
  "digest-unsupported": "the digest is neither sha256 nor sha512",
} as const;

function notALocation(text: string, place: string, why: string): CommandFailure {
  const example = "registry.example.com/team/app:1.0";
  const shown = JSON.stringify(text);
  return new CommandFailure(`${place} ${shown}: ${why}; write it like ${example}`, 2);
}

function hubName(repository: RepositoryName): RepositoryName {
  const full = parseRepositoryName(`${dockerHub.single}${repository}`);
  return repository.includes("/") || !full.ok ? repository : full.value;
}

/** This machine, where a registry under test has no certificate. */
function isLoopback(host: string): boolean {
  const name = host.replace(/:[0-9]+$/, "").toLowerCase();
  return name === "localhost" || name === "[::1]" || /^127\.[0-9.]+$/.test(name);
}
