import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { blobPlace, formatBucketPlace, region } from "./blob-place.ts";

test("a place for blobs is the filesystem, or a bucket with or without prefix", () => {
  const check = (text: string, expected: string | null): void => {
    const parsed = blobPlace.parse(text);
    const said = parsed.ok ? parsed.value && formatBucketPlace(parsed.value) : parsed.error;
    equal(said, expected, text);
  };
  check("filesystem", null);
  check("s3://images", "s3://images/");
  check("s3://images/", "s3://images/");
  check("s3://my.images/eu/prod", "s3://my.images/eu/prod/");
  check("s3://images/eu/prod/", "s3://images/eu/prod/");
  check("s3:images", "is no place for blobs");
  check("/var/lib/blobs", "is no place for blobs");
  check("s3://", "names no bucket of S3");
  check("s3://Images", "names no bucket of S3");
  check("s3://a/b", "names no bucket of S3");
  const prefix = "has a prefix that is none of plain names with slashes between";
  check("s3://images/a//b", prefix);
  check("s3://images/a/../b", prefix);
  check("s3://images/a b", prefix);
  check(`s3://images/${"a/".repeat(300)}a`, prefix);
});

test("a region is one word", () => {
  deepEqual(region.parse("eu-central-1"), { ok: true, value: "eu-central-1" });
  equal(region.parse("eu central").ok, false);
  equal(region.parse("").ok, false);
});
