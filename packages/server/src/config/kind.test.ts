// One table of texts per kind.

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import * as kinds from "./kind.ts";

/** `expected` is the value, or the error's text behind an exclamation mark. */
function check(kind: kinds.Kind<unknown>, text: string, expected: unknown): void {
  const result = kind.parse(text);
  deepEqual(result.ok ? result.value : `!${result.error}`, expected, JSON.stringify(text));
}

test("an address has a host, which may be every host, and a port", () => {
  check(kinds.address, "127.0.0.1:8080", { host: "127.0.0.1", port: 8080 });
  check(kinds.address, "localhost:0", { host: "localhost", port: 0 });
  check(kinds.address, "[::1]:8080", { host: "::1", port: 8080 });
  check(kinds.address, ":8080", { host: "", port: 8080 });
  check(kinds.address, "8080", "!is no address");
  check(kinds.address, "host", "!is no address");
  check(kinds.address, "::1:8080", "!is no address");
  check(kinds.address, "http://host:80", "!is no address");
  check(kinds.address, " host:80", "!is no address");
  check(kinds.address, "host:65536", "!has a port above 65535");
});

test("a URL is an origin", () => {
  check(kinds.httpUrl, "https://r.example.com", "https://r.example.com");
  check(kinds.httpUrl, "http://r.example.com:8080/", "http://r.example.com:8080");
  check(kinds.httpUrl, "r.example.com", "!is no http or https URL");
  check(kinds.httpUrl, "ftp://r.example.com", "!is no http or https URL");
  check(kinds.httpUrl, "https://u:p@r.example.com", "!contains credentials");
  check(kinds.httpUrl, "https://r.example.com/v2", "!has a path, query or fragment");
  check(kinds.httpUrl, "https://r.example.com/?a", "!has a path, query or fragment");
});

test("networks are addresses with a length, or without", () => {
  const ten = { address: "10.0.0.0", bits: 8, family: "ipv4" };
  check(kinds.networks, "10.0.0.0/8", [ten]);
  check(kinds.networks, "10.0.0.0/8, ::1 ,192.0.2.7", [
    ten,
    { address: "::1", bits: 128, family: "ipv6" },
    { address: "192.0.2.7", bits: 32, family: "ipv4" },
  ]);
  check(kinds.networks, "0.0.0.0/0", [{ address: "0.0.0.0", bits: 0, family: "ipv4" }]);
  check(kinds.networks, "none", []);
  for (const text of ["", "10.0.0.0/33", "::1/129", "10.0.0/8", "proxy", "10.0.0.0/8,", "::1/"]) {
    check(kinds.networks, text, "!is no list of networks");
  }
});

test("a count is whole", () => {
  const count = kinds.count({ min: 1, max: 100 });
  check(count, "100", 100);
  check(count, "0", "!is below 1");
  check(count, "101", "!is above 100");
  for (const text of ["", "1.5", "-1", "1e2", "many"]) check(count, text, "!is no whole number");
});

test("a duration has a unit and is read in milliseconds", () => {
  const duration = kinds.duration({ min: "1s", max: "1d" });
  check(duration, "1000ms", 1000);
  check(duration, "1.5h", 5_400_000);
  check(duration, "24 h", 86_400_000);
  check(duration, "1d", 86_400_000);
  check(duration, "30", "!is no duration");
  check(duration, "30 seconds", "!is no duration");
  check(duration, "-1s", "!is no duration");
  check(duration, "1e3s", "!is no duration");
  check(duration, "", "!is no duration");
  check(duration, "999ms", "!is below 1s");
  check(duration, "2d", "!is above 1d");
  check(duration, "999999999999999d", "!is no duration");
});

test("a size has a unit; binary and decimal ones differ", () => {
  const size = kinds.size({ min: "1KiB", max: "1GiB" });
  check(size, "1KiB", 1024);
  check(size, "1.5MiB", 1_572_864);
  check(size, "2MB", 2_000_000);
  check(size, "1024B", 1024);
  check(size, "1024", "!is no size");
  check(size, "1kib", "!is no size");
  check(size, "1B", "!is below 1KiB");
  check(size, "2GiB", "!is above 1GiB");
  check(size, "1toString", "!is no size");
  check(size, "1constructor", "!is no size");
});

test("a boolean is one of two words", () => {
  check(kinds.toggle, "true", true);
  check(kinds.toggle, "false", false);
  check(kinds.toggle, "yes", "!is no boolean");
  check(kinds.toggle, "1", "!is no boolean");
});

test("a word is one of the table's", () => {
  check(kinds.choice(["a", "b"]), "b", "b");
  check(kinds.choice(["a", "b"]), "B", "!is not one of the words");
  equal(kinds.choice(["a", "b"]).allowed, "a or b");
  equal(kinds.choice(["a", "b", "c"]).allowed, "one of a, b, c");
});

test("a secret is counted in characters and kept as it is", () => {
  const secret = kinds.secret({ min: 3, max: 4 });
  check(secret, " ä ", " ä ");
  check(secret, "😀😀", "!is too short");
  check(secret, "abcde", "!is too long");
});

test("off is a value of its own", () => {
  check(kinds.orOff(kinds.address), "off", null);
  check(kinds.orOff(kinds.address), "a:1", { host: "a", port: 1 });
  check(kinds.orOff(kinds.address), "no", "!is no address");
});
