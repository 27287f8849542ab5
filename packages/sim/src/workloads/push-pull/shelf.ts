// What must be found in the registry, as far as its answers tell. Each tag has one writer at a
// time, so what it may be is known: what was answered last, or, behind a write whose fate is
// unknown, either.

import type { Digest } from "@sampan/oci/model";
import type { Content, Image } from "./images.ts";

export interface Tag {
  readonly repository: string;
  readonly name: string;
  /** What it may point at; null: nothing. */
  readonly possible: Set<Digest | null>;
}

export interface PushedManifest {
  readonly repository: string;
  readonly image: Image;
  /** Answered; and no deletion was asked for. */
  state: "there" | "maybe" | "deleted";
}

export class Shelf {
  readonly #tags = new Map<string, Tag>();
  readonly #manifests = new Map<string, PushedManifest>();
  /** Blobs that were answered, by repository. */
  readonly #blobs = new Map<string, Map<Digest, Content>>();
  /** Of them those that a manifest named whose deletion was asked for: the collector may take them. */
  readonly #loose = new Set<string>();

  get tags(): readonly Tag[] {
    return [...this.#tags.values()];
  }

  get manifests(): readonly PushedManifest[] {
    return [...this.#manifests.values()];
  }

  tag(repository: string, name: string): Tag {
    const key = `${repository}:${name}`;
    const known = this.#tags.get(key);
    if (known !== undefined) return known;
    const tag = { repository, name, possible: new Set<Digest | null>([null]) };
    this.#tags.set(key, tag);
    return tag;
  }

  manifest(repository: string, digest: Digest): PushedManifest | null {
    return this.#manifests.get(`${repository}@${digest}`) ?? null;
  }

  addManifest(repository: string, image: Image): PushedManifest {
    const pushed: PushedManifest = { repository, image, state: "maybe" };
    this.#manifests.set(`${repository}@${image.manifest.digest}`, pushed);
    return pushed;
  }

  blobs(repository: string): readonly Content[] {
    return [...(this.#blobs.get(repository)?.values() ?? [])];
  }

  hasBlob(repository: string, digest: Digest): boolean {
    return this.#blobs.get(repository)?.has(digest) ?? false;
  }

  /** May the blob be gone, as far as manifests that were deleted go? */
  isLoose(repository: string, digest: Digest): boolean {
    return this.#loose.has(`${repository}@${digest}`);
  }

  loosen(repository: string, image: Image): void {
    for (const { digest } of [image.config, ...image.layers]) {
      this.#loose.add(`${repository}@${digest}`);
    }
  }

  addBlob(repository: string, content: Content): void {
    const blobs = this.#blobs.get(repository) ?? new Map<Digest, Content>();
    blobs.set(content.digest, content);
    this.#blobs.set(repository, blobs);
  }
}

/** A write of the tag begins: it may take effect from now on. */
export function mayBecome(tag: Tag, digest: Digest | null): void {
  tag.possible.add(digest);
}

/** A write of the tag was answered. */
export function became(tag: Tag, digest: Digest | null): void {
  tag.possible.clear();
  tag.possible.add(digest);
}
