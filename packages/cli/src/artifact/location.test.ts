import assert from "node:assert/strict";
import test from "node:test";
import { parseLocation } from "./location.ts";

const https = { plainHttp: false, tls: false };
const digest = `sha256:${"a".repeat(64)}`;

test("a location is a registry, a repository and what is meant in it", () => {
  const check = (text: string, expected: readonly [string, string, string | null]) => {
    const { registry, repository, reference } = parseLocation(text, "SRC", https);
    const meant = reference?.type === "tag" ? reference.tag : (reference?.digest ?? null);
    assert.deepEqual([registry.origin, repository, meant], expected);
  };
  check("r.example.com/team/app:1.0", ["https://r.example.com", "team/app", "1.0"]);
  check("r.example.com:5000/app", ["https://r.example.com:5000", "app", null]);
  check(`r.example.com/app@${digest}`, ["https://r.example.com", "app", digest]);
  check(`r.example.com/app:1@${digest}`, ["https://r.example.com", "app", digest]);
  check("docker.io/alpine:3", ["https://registry-1.docker.io", "library/alpine", "3"]);
  check("docker.io/grafana/loki:3", ["https://registry-1.docker.io", "grafana/loki", "3"]);
  check("localhost:5000/a", ["http://localhost:5000", "a", null]);
  check("127.0.0.1:5000/a", ["http://127.0.0.1:5000", "a", null]);
  check("[::1]:5000/a", ["http://[::1]:5000", "a", null]);
});

test("this machine is spoken to under TLS when certificates are spoken of", () => {
  const tls = parseLocation("localhost:5000/a", "DST", { plainHttp: false, tls: true });
  assert.equal(tls.registry.protocol, "https:");
  const plain = parseLocation("r.example.com/a", "DST", { plainHttp: true, tls: false });
  assert.equal(plain.registry.protocol, "http:");
});

test("what is no location is told with what is wrong and an example", () => {
  const check = (text: string, why: RegExp) =>
    assert.throws(() => parseLocation(text, "DST", https), {
      name: "CommandFailure",
      exitCode: 2,
      message: why,
    });
  check("alpine:3", /^DST "alpine:3": it names no registry; write it like /);
  check("library/alpine", /names no registry/);
  check("r.example.com/App", /no lower-case name/);
  check("r.example.com/a:b:c", /the tag is none/);
  check("r.example.com/a@sha256:12", /the digest is none/);
  check("r.example.com/a@md5:12", /neither sha256 nor sha512/);
  check("r.example.com:99999/a", /no HOST or HOST:PORT/);
  check("", /no lower-case name/);
});
