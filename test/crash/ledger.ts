// What clients were told, and so what a registry must answer after a crash. Pure bookkeeping:
// pushers note each attempt before the request and each acknowledgement after the answer; the
// verifier asks which answers are possible.

import type { Random } from "@sampan/env";

/** Values that a name may have: one after an acknowledgement, two while a request is open. */
export class Register<Value> {
  #possible: Set<Value>;
  /** The round of the last attempt. */
  touchedRound: number;

  constructor(value: Value, round: number) {
    this.#possible = new Set([value]);
    this.touchedRound = round;
  }

  /** A request that may make it so is sent. */
  attempt(value: Value, round: number): void {
    this.#possible.add(value);
    this.touchedRound = round;
  }

  /** It was answered: nothing else is possible any more. */
  acknowledge(value: Value): void {
    this.#possible = new Set([value]);
  }

  /** That value is impossible now, the others are as possible as before. */
  exclude(value: Value): void {
    this.#possible.delete(value);
  }

  /** What was read; false when nobody can have written that. From now on it is the only value. */
  observe(value: Value): boolean {
    const isPossible = this.#possible.has(value);
    this.#possible = new Set([value]);
    return isPossible;
  }

  /** The value, where there is no doubt about it. */
  get certain(): Value | undefined {
    const [first] = this.#possible;
    return this.#possible.size === 1 ? first : undefined;
  }

  get possible(): readonly Value[] {
    return [...this.#possible];
  }
}

export interface BlobEntry {
  readonly repository: string;
  readonly digest: string;
  readonly bytes: number;
  readonly present: Register<boolean>;
  /** Manifests of the repository that may exist and name it: it is not deleted any more. */
  readonly namedBy: Set<ManifestEntry>;
  /** When its last push began, monotonic milliseconds. */
  pushedMs: number;
  /**
   * Since it was last pushed a manifest that names it was deleted, or it was found to be gone: the
   * collector may take it unless another manifest names it.
   */
  isLoose: boolean;
}

export interface ManifestEntry {
  readonly repository: string;
  readonly digest: string;
  readonly mediaType: string;
  /** The digests of its config and layers. */
  readonly blobs: readonly string[];
  readonly present: Register<boolean>;
}

export interface TagEntry {
  readonly repository: string;
  readonly tag: string;
  /** The manifest's digest; null: there is no such tag. */
  readonly target: Register<string | null>;
}

/** An acknowledged change that the event log must tell of. */
export interface Deed {
  readonly type: "artifact.pushed" | "artifact.deleted" | "tag.deleted" | "project.created";
  /** `repository@digest`, `repository:tag` or a project's name. */
  readonly name: string;
}

/** An upload that its client left behind, for the next one to resume. */
export interface UploadEntry {
  readonly repository: string;
  readonly location: string;
  readonly content: Buffer;
  readonly digest: string;
  /** What the answers confirmed, and what was sent at most. */
  acknowledgedBytes: number;
  sentBytes: number;
}

/** A blob that is picked for a manifest is named well before the collector looks at it. */
const namingMsMax = 4_000;

export class Ledger {
  /** Milliseconds for which the collector keeps what no manifest names. */
  readonly #graceMs: number;
  readonly blobs = new Map<string, BlobEntry>();
  readonly manifests = new Map<string, ManifestEntry>();
  readonly tags = new Map<string, TagEntry>();
  readonly projects = new Map<string, Register<boolean>>();
  readonly deeds: Deed[] = [];
  /** Emptied by the verifier, who resumes them all. */
  uploads: UploadEntry[] = [];
  round = 0;

  constructor(graceMs: number = Number.POSITIVE_INFINITY) {
    this.#graceMs = graceMs;
  }

  blob(repository: string, digest: string, bytes: number): BlobEntry {
    return entry(this.blobs, `${repository}@${digest}`, () => {
      const present = new Register(false, this.round);
      const namedBy = new Set<ManifestEntry>();
      return { repository, digest, bytes, present, namedBy, pushedMs: 0, isLoose: false };
    });
  }

  /** Can the collector have taken it, at `nowMs` of the monotonic clock? */
  mayBeTaken({ namedBy, isLoose, pushedMs }: BlobEntry, nowMs: number): boolean {
    for (const { present } of namedBy) if (present.certain === true) return false;
    return isLoose || nowMs - pushedMs >= this.#graceMs;
  }

  /** Of a manifest that is about to be pushed. */
  manifest(repository: string, content: ManifestContent): ManifestEntry {
    const manifest = entry(this.manifests, `${repository}@${content.digest}`, () => {
      const { digest, mediaType, blobs } = content;
      return { repository, digest, mediaType, blobs, present: new Register(false, this.round) };
    });
    for (const digest of manifest.blobs) {
      this.blobs.get(`${repository}@${digest}`)?.namedBy.add(manifest);
    }
    return manifest;
  }

  tag(repository: string, tag: string): TagEntry {
    return entry(this.tags, `${repository}:${tag}`, () => {
      return { repository, tag, target: new Register<string | null>(null, this.round) };
    });
  }

  project(name: string): Register<boolean> {
    return entry(this.projects, name, () => new Register(false, this.round));
  }

  tagsOf(repository: string): TagEntry[] {
    return [...this.tags.values()].filter((each) => each.repository === repository);
  }

  /** The blobs that are there for certain, and stay until a manifest can name them. */
  blobsOf(repository: string, nowMs: number): BlobEntry[] {
    const all = [...this.blobs.values()].filter((each) => each.repository === repository);
    return all.filter((each) => this.isSafe(each, nowMs));
  }

  isSafe(blob: BlobEntry, nowMs: number): boolean {
    return blob.present.certain === true && !this.mayBeTaken(blob, nowMs + namingMsMax);
  }

  /** The manifest's deletion is about to be asked for. */
  loosen(manifest: ManifestEntry): void {
    for (const digest of manifest.blobs) {
      const blob = this.blobs.get(`${manifest.repository}@${digest}`);
      if (blob !== undefined) blob.isLoose = true;
    }
  }

  manifestsOf(repository: string): ManifestEntry[] {
    const all = [...this.manifests.values()];
    return all.filter((each) => each.repository === repository && each.present.certain === true);
  }
}

export interface ManifestContent {
  readonly digest: string;
  readonly mediaType: string;
  readonly blobs: readonly string[];
}

export function pick<Item>(random: Random, items: readonly Item[]): Item | undefined {
  return items.length === 0 ? undefined : items[random.int(items.length)];
}

function entry<Item>(map: Map<string, Item>, key: string, create: () => Item): Item {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = create();
  map.set(key, made);
  return made;
}
