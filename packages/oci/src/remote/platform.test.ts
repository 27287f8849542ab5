import assert from "node:assert/strict";
import test from "node:test";
import type { Digest, ImageIndex, Platform } from "../model/index.ts";
import { mediaTypes } from "../model/index.ts";
import { choosePlatform, formatPlatform, parsePlatform, platformOfConfig } from "./platform.ts";

test("a platform is an operating system, an architecture and perhaps a variant", () => {
  const check = (text: string, expected: string | null) => {
    const platform = parsePlatform(text);
    assert.equal(platform.ok ? formatPlatform(platform.value) : null, expected);
  };
  check("linux/amd64", "linux/amd64");
  check("linux/arm/v7", "linux/arm/v7");
  check("windows/amd64", "windows/amd64");
  for (const text of ["linux", "linux/", "/amd64", "linux/arm/v7/x", "Linux/amd64", ""]) {
    check(text, null);
  }
});

const child = (platform: Partial<Platform> | null, digit: string) => ({
  mediaType: mediaTypes.ociManifest,
  digest: `sha256:${digit.repeat(64)}` as Digest,
  size: 1,
  artifactType: null,
  annotations: {},
  platform:
    platform === null
      ? null
      : { os: "linux", architecture: "arm", osVersion: null, variant: null, ...platform },
  urls: [],
});

test("the image for a platform is the one with its variant, else the first without, else the first", () => {
  const children = [
    child(null, "0"),
    child({ variant: "v6" }, "1"),
    child({ variant: "v7" }, "2"),
    child({ architecture: "arm64", variant: "v8" }, "3"),
    child({ architecture: "amd64", variant: "v3" }, "4"),
    child({ architecture: "amd64" }, "5"),
  ];
  const index: ImageIndex = {
    type: "index",
    mediaType: mediaTypes.ociIndex,
    artifactType: null,
    subject: null,
    annotations: {},
    children,
  };
  const check = (text: string, digit: string | null) => {
    const wanted = parsePlatform(text);
    assert.ok(wanted.ok);
    assert.equal(choosePlatform(index, wanted.value)?.digest[7] ?? null, digit);
  };
  check("linux/arm/v7", "2");
  check("linux/arm", "1");
  check("linux/arm64", "3");
  check("linux/amd64", "5");
  check("linux/amd64/v3", "4");
  check("linux/amd64/v4", null);
  check("windows/amd64", null);
});

test("a configuration that cannot be read names no platform", () => {
  const check = (text: string, expected: string | null) => {
    const platform = platformOfConfig(Buffer.from(text));
    assert.equal(platform === null ? null : formatPlatform(platform), expected);
  };
  check(`{"os":"linux","architecture":"arm","variant":"v7"}`, "linux/arm/v7");
  check(`{"os":"linux","architecture":"amd64"}`, "linux/amd64");
  for (const text of ["", "{}", "null", "[]", `{"os":1,"architecture":"a"}`]) check(text, null);
});
