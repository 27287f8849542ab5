// The bytes of keys and records as they lie on disks. A change here needs a new version of the
// record or of the format, and a way to read what the old one wrote.

import assert from "node:assert/strict";
import test from "node:test";
import type { Digest } from "@sampan/oci/model";
import type { ProjectName } from "../core/project-name.ts";
import { encodeBlob, encodeBlobLink } from "./blob-records.ts";
import { encodeWork } from "./collection-records.ts";
import { encodeContent, encodeOutline } from "./content.ts";
import * as keys from "./keys.ts";
import { encodeLocation } from "./locations.ts";
import { encodeManifest, encodeTag } from "./manifest-records.ts";
import { encodeRepository } from "./repositories.ts";
import { location, repository, tag } from "./testing/meta-world.ts";

const hash256 = "0123456789abcdef".repeat(4);
const hash512 = "fedcba9876543210".repeat(8);
const short = `sha256:${hash256}` as Digest;
const long = `sha512:${hash512}` as Digest;
const repo = repository("library/app");
const ociManifest = "application/vnd.oci.image.manifest.v1+json";
const time = 0x0102030405060708n;
const live = { type: "live" } as const;
const condemned = { type: "condemned", atTs: time } as const;

const text = (letters: string) => Buffer.from(letters, "latin1").toString("hex");
const name = `${text("library/app")}00`;
const place = location("ab/cd");

function check(what: string, bytes: Uint8Array, expected: string): void {
  test(`${what} has the bytes of version 1`, () => {
    assert.equal(Buffer.from(bytes).toString("hex"), expected);
  });
}

check("a format key", keys.formatKey(), text("Sv"));
check("a setting key", keys.settingKey("token-key"), `${text("Sstoken-key")}00`);
check("a project key", keys.projectKey("team" as ProjectName), `${text("SPteam")}00`);
check("a project number key", keys.projectIdKey(258), `${text("Sp")}00000102`);
check("a user key", keys.userKey("ann"), `${text("SUann")}00`);
check("a repository key", keys.repositoryKey(repo), `${text("Sr")}${name}`);
check("a tag key", keys.tagKey(repo, tag("v1")), `${text("St")}${name}${text("v1")}00`);
check("a manifest key", keys.manifestKey(repo, short), `${text("Sm")}${name}01${hash256}`);
check(
  "a key of a manifest's tag",
  keys.manifestTagKey(repo, short, tag("v1")),
  `${text("ST")}${name}01${hash256}${text("v1")}00`,
);
check(
  "a referrer key",
  keys.referrerKey(repo, short, long),
  `${text("SR")}${name}01${hash256}02${hash512}`,
);
check("a blob link key", keys.blobLinkKey(repo, short), `${text("Sl")}${name}01${hash256}`);
check("an upload key", keys.uploadKey("u"), `${text("Suu")}00`);
check("a content key", keys.contentKey(short), `${text("Sc")}01${hash256}`);
check("an outline key", keys.outlineKey(short), `${text("Sg")}01${hash256}`);
check("a blob key", keys.blobKey(long), `${text("Sb")}02${hash512}`);
check("a location key", keys.locationKey(place), `${text("Swab/cd")}00`);
check(
  "a reference key",
  keys.referenceKey(short, "blob", { repository: repo, manifest: long }),
  `${text("Sf")}01${hash256}02${name}02${hash512}`,
);
check("an outbox key", keys.outboxKey(time, 3), `${text("So")}010203040506070800000003`);
check("an event key", keys.eventKey(258), `${text("Se")}0000000000000102`);
check("a head key", keys.eventHeadKey(), text("Sh"));
check("a lease key", keys.sequencerLeaseKey(), text("SL"));

check(
  "a tag",
  encodeTag({ digest: short, mediaType: ociManifest, bytes: 429, pushedMs: 1_700_000_000_000 }),
  `0101${hash256}01ad0380d095ffbc31`,
);
check(
  "a manifest link",
  encodeManifest({
    mediaType: "x/y",
    bytes: 429,
    pushedMs: 1_700_000_000_000,
    totalBytes: 300_000,
    artifactType: "a/b",
  }),
  "010003782f79ad0380d095ffbc31e0a71203612f62",
);
check("a blob", encodeBlob({ state: live, bytes: 1_000, location: place }), "0100e8070561622f6364");
check(
  "a condemned blob",
  encodeBlob({ state: condemned, bytes: 1_000, location: place }),
  "01010102030405060708e8070561622f6364",
);
check("a blob link", encodeBlobLink({ state: live, linkedMs: 5 }), "010005");
check(
  "a manifest's content",
  encodeContent({ state: live, content: { type: "inline", bytes: Buffer.from("{}") } }),
  "0100007b7d",
);
check(
  "content elsewhere",
  encodeContent({ state: live, content: { type: "location", location: place } }),
  "0100010561622f6364",
);
check(
  "an outline",
  encodeOutline({ subject: null, blobs: [short], children: [] }),
  `01000101${hash256}00`,
);
check("a location", encodeLocation({ type: "upload", id: "u" }), "01010175");
check("a repository", encodeRepository({ state: live, createdMs: 5 }), "010005");

check(
  "a key of the collector's work",
  keys.collectionKey("condemned", time),
  `${text("Sd")}03${"0102030405060708"}`,
);
check(
  "the collector's work",
  encodeWork({
    atMs: 300,
    items: [
      { kind: "link", repository: repo, digest: short },
      { kind: "blob", digest: long },
      { kind: "content", digest: short },
    ],
  }),
  `01ac020301${"0b"}${text("library/app")}01${hash256}0202${hash512}0301${hash256}`,
);
check(
  "a blob link that nothing uses",
  encodeBlobLink({ state: { type: "unused", atTs: time }, linkedMs: 1 }),
  "0102010203040506070801",
);
