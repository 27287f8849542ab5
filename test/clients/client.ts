// The contract of a genuine client: what it needs on this machine, and what it is asked to do.

import type { ImageSet } from "./images.ts";
import type { RegistryUnderTest } from "./registry-under-test.ts";

export interface Client {
  readonly name: string;
  readonly needs: readonly Need[];
  /** It mounts, or starts containers. */
  readonly needsRoot: boolean;
  /** Writes its configuration, starts its daemons, and says what is to be checked, in order. */
  prepare(bench: Bench): Promise<readonly Check[]>;
}

export type Need = DebianNeed | GoNeed;

export interface DebianNeed {
  readonly command: string;
  /** Debian packages that bring it: the first that the machine's sources know is installed. */
  readonly packages: readonly string[];
}

/** A program that is built from its Go module, and kept in a folder of ours. */
export interface GoNeed {
  readonly command: string;
  /** The path of its main package. */
  readonly module: string;
  readonly version: string;
}

export interface Check {
  /** What the client does, after its name: `pushes an image`. */
  readonly name: string;
  run(): Promise<void>;
}

/** What one client works with; its folder and all that it started are gone when it is done. */
export interface Bench {
  readonly registry: RegistryUnderTest;
  readonly images: ImageSet;
  /** Empty, and this client's alone. */
  readonly folder: string;
  /** Called in reverse order when the client is done, whatever happened. */
  atEnd(stop: () => Promise<void>): void;
}
