// Where blobs lie, as one writes it: `filesystem`, or `s3://BUCKET/PREFIX`. Pure.

import { err, ok } from "@sampan/env";
import type { Kind } from "./kind.ts";

export interface BucketPlace {
  readonly bucket: string;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
}

/** AWS' rules for names of buckets, but for the rarer ones: the service tells of those. */
const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** The characters that S3 calls safe in a key. */
const segment = /^[A-Za-z0-9!_.*'()-]{1,255}$/;
const prefixCharactersMax = 512;

/** Null: in the data directory. */
export const blobPlace: Kind<BucketPlace | null> = {
  name: "place",
  placeholder: "PLACE",
  allowed: "s3://BUCKET, s3://BUCKET/PREFIX or filesystem",
  parse(text) {
    if (text === "filesystem") return ok(null);
    const parts = /^s3:\/\/([^/]*)(?:\/(.*?))?\/?$/.exec(text);
    if (parts === null) return err("is no place for blobs");
    const [, bucket = "", path = ""] = parts;
    if (!bucketName.test(bucket)) return err("names no bucket of S3");
    if (path === "") return ok({ bucket, prefix: "" });
    const segments = path.split("/");
    const isSafe = segments.every((name) => segment.test(name) && name !== "." && name !== "..");
    if (!isSafe || path.length > prefixCharactersMax) {
      return err("has a prefix that is none of plain names with slashes between");
    }
    return ok({ bucket, prefix: `${path}/` });
  },
};

export const region: Kind<string> = {
  name: "region",
  placeholder: "REGION",
  allowed: "the name of a region, such as eu-central-1",
  parse: (text) => (/^[A-Za-z0-9-]{1,64}$/.test(text) ? ok(text) : err("is no region")),
};

export function formatBucketPlace({ bucket, prefix }: BucketPlace): string {
  return `s3://${bucket}/${prefix}`;
}
