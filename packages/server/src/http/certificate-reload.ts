// Takes a new certificate into use while the server runs. Whoever renews one writes two files, one
// after the other, or swaps a link (Kubernetes); so a change is looked at after a moment of quiet,
// and a pair that does not fit leaves the old one in place.

import { type FSWatcher, watch } from "node:fs";
import type { Server as TlsServer } from "node:https";
import { dirname } from "node:path";
import { type Env, errorMessage } from "@sampan/env";
import { type KeyPair, replaceKeyPair } from "@sampan/registry";
import { type KeyPairFiles, readKeyPair, warningOf } from "./key-pair.ts";

/** Where the system tells of no change (network file systems), it is found by reading. */
const pollMs = 30_000;
/** After a change: the time in which the second file follows the first. */
const quietMs = 500;

export interface CertificateReload {
  /** Looks at the files now. */
  reload(): Promise<void>;
  /** Looks at them whenever they change, until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface CertificateReloadDeps {
  readonly server: TlsServer;
  readonly files: KeyPairFiles;
  /** What is in use now. */
  readonly pair: KeyPair;
}

export function createCertificateReload(env: Env, deps: CertificateReloadDeps): CertificateReload {
  const { server, files } = deps;
  let current = deps.pair;
  let problem = "";

  async function reload(): Promise<void> {
    const read = await readKeyPair(files);
    if (!read.ok) {
      // Said once, not at every look.
      if (read.error !== problem) {
        env.log.error(`${read.error}; the old TLS certificate stays in use`);
      }
      problem = read.error;
      return;
    }
    problem = "";
    const { certificate, key } = read.value;
    if (certificate === current.certificate && key === current.key) return;
    replaceKeyPair(server, read.value);
    current = read.value;
    env.log.info("a new TLS certificate is in use", { file: files.certificate });
    const warning = warningOf(current, env.clock.now());
    if (warning !== null) env.log.warn(warning);
  }

  return {
    reload,
    async run(signal: AbortSignal): Promise<void> {
      let wake = new AbortController();
      const watchers = watchDirectories(env, files, () => wake.abort());
      try {
        while (!signal.aborted) {
          const either = AbortSignal.any([signal, wake.signal]);
          await env.clock.sleep(pollMs, either).catch(() => undefined);
          if (wake.signal.aborted) await env.clock.sleep(quietMs, signal).catch(() => undefined);
          wake = new AbortController();
          if (!signal.aborted) await reload();
        }
      } finally {
        for (const watcher of watchers) watcher.close();
      }
    },
  };
}

/** Directories, because the files themselves are replaced and not written to. */
function watchDirectories(env: Env, files: KeyPairFiles, onChange: () => void): FSWatcher[] {
  const watchers: FSWatcher[] = [];
  for (const path of new Set([dirname(files.certificate), dirname(files.key)])) {
    try {
      const watcher = watch(path, onChange);
      watcher.on("error", () => watcher.close());
      watchers.push(watcher);
    } catch (error) {
      env.log.debug("a directory is polled, not watched", { path, error: errorMessage(error) });
    }
  }
  return watchers;
}
