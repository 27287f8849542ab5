// How clients come to know an authority of the registry's own, each in its own way; and that they
// take no certificate of one that they do not know.

import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Check } from "./client.ts";

/** How clients put it, all of them with Go's words in it. */
export const untrusted = /certificate signed by unknown authority|failed to verify certificate/;

export interface Trust {
  /** Passes when the client, which knows nothing yet, refuses the certificate. */
  refuse(): Promise<void>;
  /** Makes the authority known to it. */
  learn(authority: string): Promise<void>;
  /** What it refused, once more. */
  accept(): Promise<void>;
}

/** The first check where there is a certificate; the others rely on what it made known. */
export function trustChecks(bench: Bench, trust: Trust): Check[] {
  const { authority } = bench.registry;
  if (authority === null) return [];
  return [
    {
      name: "refuses a certificate of an authority it does not know, and takes it once it does",
      run: async () => {
        await trust.refuse();
        await trust.learn(authority);
        await trust.accept();
      },
    },
  ];
}

/**
 * As `certs.d` of containers/image and of docker wants it: a folder for each host, in it `*.crt`.
 * Until the client is done.
 */
export async function trustInFolder(bench: Bench, folder: string, authority: string) {
  const ofHost = join(folder, bench.registry.host);
  await mkdir(ofHost, { recursive: true });
  bench.atEnd(() => rm(ofHost, { recursive: true, force: true }));
  await copyFile(authority, join(ofHost, "ca.crt"));
}
