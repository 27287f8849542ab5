// What the person who started the server reads first: the password, once, and how to push. Pure.

import { type Config, localUrl, schemeOf } from "@sampan/server/config";
import type { RegistryReady } from "@sampan/server/roles/registry";

export function passwordBox(password: string, dataDirectory: string | null): string {
  const data = dataDirectory === null ? "" : ` --data ${dataDirectory}`;
  return box([
    "The user admin was made, with this password:",
    "",
    `    ${password}`,
    "",
    "It is shown this once and kept only as a hash. Lost it? Stop the server, then run",
    `npx sampan user reset-password admin${data}`,
  ]);
}

export function welcome(ready: RegistryReady, config: Config): string {
  const url = config.externalUrl ?? localUrl(ready.listen, schemeOf(config));
  const facts = [
    ["registry", url],
    ["admin port", ready.adminListen === null ? "off" : `${localUrl(ready.adminListen)}/debug`],
    ["data", ready.dataDirectory],
    ["user", config.auth === "none" ? "everyone may do everything (auth: none)" : "admin"],
  ];
  return [
    "",
    `Sampan ${ready.version} is ready.`,
    "",
    ...facts.map(([name, value]) => `  ${name?.padEnd(12)}${value}`),
    "",
    "Push a first image with the tool you have, and pull it back:",
    "",
    ...firstPush(url, config.auth === "password").map((line) => `  ${line}`.trimEnd()),
    "",
    ...adminVerbs(url, config.auth === "password"),
    "",
    "Stop with Ctrl-C.",
    "",
    "",
  ].join("\n");
}

/** The admin verbs, in a clone; they must be told an address that is not the usual one. */
function adminVerbs(url: string, login: boolean): string[] {
  const usual = url === "http://127.0.0.1:8080";
  const settings = [
    ...(usual ? [] : [`SAMPAN_URL=${url}`]),
    ...(login ? ["SAMPAN_PASSWORD=PASSWORD"] : []),
  ];
  return [
    "More projects, from another terminal in this directory:",
    "",
    ...(settings.length === 0 ? [] : [`  export ${settings.join(" ")}`]),
    "  npx sampan project create team-a",
  ];
}

/** docker trusts plain HTTP on loopback as it is; podman and skopeo are told. */
function firstPush(url: string, login: boolean): string[] {
  const { host, protocol } = new URL(url);
  const image = `${host}/library/alpine:3`;
  const tls = protocol === "https:" ? "" : " --tls-verify=false";
  const skopeoTls = protocol === "https:" ? "" : " --dest-tls-verify=false";
  const creds = login ? " --dest-creds admin:PASSWORD" : "";
  return [
    ...(login ? [`podman login${tls} -u admin ${host}`] : []),
    "podman pull docker.io/library/alpine:3",
    `podman tag docker.io/library/alpine:3 ${image}`,
    `podman push${tls} ${image}`,
    `podman pull${tls} ${image}`,
    "",
    `skopeo copy${skopeoTls}${creds} docker://docker.io/library/alpine:3 docker://${image}`,
    "",
    ...(login ? [`docker login -u admin ${host}`] : []),
    `docker pull alpine:3 && docker tag alpine:3 ${image} && docker push ${image}`,
  ];
}

function box(lines: readonly string[]): string {
  const width = Math.max(...lines.map((line) => line.length));
  const edge = "─".repeat(width + 4);
  const rows = lines.map((line) => `│  ${line.padEnd(width)}  │`);
  return `\n┌${edge}┐\n${rows.join("\n")}\n└${edge}┘\n`;
}
