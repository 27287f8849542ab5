// Platforms as people name them, and which image of an index is for one (OCI image-spec,
// image-index.md). Pure.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Descriptor, ImageIndex } from "../model/index.ts";

export interface PlatformChoice {
  readonly os: string;
  readonly architecture: string;
  /** null: whichever there is. */
  readonly variant: string | null;
}

/** `linux/arm64` or `linux/arm/v7`. */
export function parsePlatform(text: string): Result<PlatformChoice, "platform-invalid"> {
  const match = /^([a-z0-9_.-]+)\/([a-z0-9_.-]+)(?:\/([a-z0-9_.-]+))?$/.exec(text);
  const [, os, architecture, variant = null] = match ?? [];
  if (os === undefined || architecture === undefined) return err("platform-invalid");
  return ok({ os, architecture, variant });
}

export function formatPlatform({ os, architecture, variant }: PlatformChoice): string {
  return [os, architecture, ...(variant === null ? [] : [variant])].join("/");
}

export function isPlatform(own: PlatformChoice, wanted: PlatformChoice): boolean {
  if (own.os !== wanted.os || own.architecture !== wanted.architecture) return false;
  return wanted.variant === null || own.variant === wanted.variant;
}

/** Without a wish for a variant one that has none goes first, else the order of the index. */
export function choosePlatform(index: ImageIndex, wanted: PlatformChoice): Descriptor | null {
  const fits = index.children.filter(({ platform }) => {
    return platform !== null && isPlatform(platform, wanted);
  });
  return fits.find(({ platform }) => platform?.variant === wanted.variant) ?? fits[0] ?? null;
}

/** Each once, in the order of the index. */
export function platformsOf(index: ImageIndex): string[] {
  const names = index.children.flatMap(({ platform }) => {
    return platform === null ? [] : [formatPlatform(platform)];
  });
  return [...new Set(names)];
}

/** What an image's configuration says; null when it says nothing that can be read. */
export function platformOfConfig(bytes: Uint8Array): PlatformChoice | null {
  try {
    const config: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof config !== "object" || config === null) return null;
    const field = (name: string): unknown => Reflect.get(config, name);
    const [os, architecture, variant] = [field("os"), field("architecture"), field("variant")];
    if (typeof os !== "string" || typeof architecture !== "string") return null;
    return { os, architecture, variant: typeof variant === "string" ? variant : null };
  } catch {
    return null;
  }
}
