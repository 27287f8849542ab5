// What is read first must be right: a command that is copied from it has to work.

import { equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Config, readFlags, resolveConfig, type SettingName } from "@sampan/server/config";
import { passwordBox, welcome } from "./greeting.ts";

function config(flags: Partial<Record<SettingName, string>> = {}): Config {
  const resolved = resolveConfig([readFlags(flags)]);
  if (!resolved.ok) throw new Error(resolved.error.join());
  return resolved.value.config;
}

const ready = {
  version: "1.2.3",
  listen: { host: "127.0.0.1", port: 5000 },
  adminListen: { host: "127.0.0.1", port: 5001 },
  dataDirectory: "/srv/sampan",
};

test("the password stands in a box alone on its line", () => {
  const lines = passwordBox("secret-word", "/srv/sampan").trim().split("\n");
  equal(new Set(lines.map((line) => [...line].length)).size, 1);
  ok(lines.some((line) => /^│\s+secret-word\s+│$/.test(line)));
  ok(lines.some((line) => line.includes("reset-password admin --data /srv/sampan")));
});

test("plain HTTP is said to podman and skopeo", () => {
  const text = welcome(ready, config());
  match(text, /^ {2}registry +http:\/\/127\.0\.0\.1:5000$/m);
  match(text, /^ {2}data +\/srv\/sampan$/m);
  match(text, /podman login --tls-verify=false -u admin 127\.0\.0\.1:5000$/m);
  match(text, /podman push --tls-verify=false 127\.0\.0\.1:5000\/library\/alpine:3$/m);
  match(text, /skopeo copy --dest-tls-verify=false --dest-creds admin:PASSWORD/);
  match(text, /export SAMPAN_URL=http:\/\/127\.0\.0\.1:5000 SAMPAN_PASSWORD=PASSWORD$/m);
  match(text, /Stop with Ctrl-C\./);
});

test("behind a proxy with TLS its name is used as it is", () => {
  const text = welcome(ready, config({ externalUrl: "https://r.example.com" }));
  match(text, /podman push r\.example\.com\/library\/alpine:3$/m);
  ok(!text.includes("tls-verify"));
});

test("every address of the machine includes the one to try it on", () => {
  const everywhere = { ...ready, listen: { host: "0.0.0.0", port: 5000 }, adminListen: null };
  const text = welcome(everywhere, config());
  match(text, /http:\/\/127\.0\.0\.1:5000$/m);
  match(text, /admin port +off$/m);
});

test("without authentication nobody is asked to log in", () => {
  const text = welcome(ready, config({ auth: "none" }));
  ok(!/login|creds|PASSWORD/.test(text));
});
