// The ways in to a registry: plain HTTP, TLS of its own, and a proxy in front that ends TLS.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { authorityNeeds, issueCertificate } from "./authority.ts";
import type { Need } from "./client.ts";
import { nginxNeeds, startNginx } from "./nginx.ts";
import { machineNeeds, registryAddress, registryName } from "./own-machine.ts";
import { type OwnRegistry, rootFolder, startSampan } from "./registry-under-test.ts";

export interface Way {
  readonly name: string;
  /** Before the sentence of a check: `over TLS, `. */
  readonly words: string;
  readonly needs: readonly Need[];
  /** It needs a name and ports that only a machine of its own gives. */
  readonly onOwnMachine: boolean;
  /** Of the large image, in MB. */
  readonly largeMB: number;
  /** The clients that go this way; null: all. */
  readonly clients: readonly string[] | null;
  start(folder: string): Promise<OwnRegistry>;
}

const guide = () => join(rootFolder(), "docs", "guides", "proxy.md");
/** Where the guide's configuration expects the registry. */
const behindProxy = "127.0.0.1:8080";

const http: Way = {
  name: "http",
  words: "",
  needs: [],
  onOwnMachine: false,
  largeMB: 300,
  clients: null,
  start: (folder) => startSampan(folder),
};

const tls: Way = {
  name: "tls",
  words: "over TLS, ",
  needs: [...machineNeeds, ...authorityNeeds],
  onOwnMachine: true,
  largeMB: 30,
  clients: null,
  start: async (folder) => {
    const issued = await issueCertificate(folder, registryName);
    return await startSampan(folder, {
      listen: `${registryAddress}:443`,
      host: registryName,
      authority: issued.authority,
      environment: { SAMPAN_TLS_CERTIFICATE: issued.certificate, SAMPAN_TLS_KEY: issued.key },
    });
  },
};

/** The proxy's headers are believed and are all that says what clients call the registry. */
const proxy: Way = {
  name: "proxy",
  words: "through nginx, ",
  needs: [...machineNeeds, ...authorityNeeds, ...nginxNeeds],
  onOwnMachine: true,
  largeMB: 30,
  clients: null,
  start: (folder) => startBehindProxy(folder, { SAMPAN_TRUSTED_PROXIES: "127.0.0.1" }),
};

/** The other choice of the guide: nobody's headers are believed, and the name is set. */
const externalUrl: Way = {
  ...proxy,
  name: "external-url",
  words: "through nginx that is not believed, ",
  clients: ["skopeo", "crane", "oras"],
  start: (folder) =>
    startBehindProxy(folder, {
      SAMPAN_TRUSTED_PROXIES: "none",
      SAMPAN_EXTERNAL_URL: `https://${registryName}`,
    }),
};

export const ways: readonly Way[] = [http, tls, proxy, externalUrl];

/** A registry of somebody else, which runs already and speaks plain HTTP. */
export function foreignWay(host: string): Way {
  const registry = {
    host,
    authority: null,
    username: process.env["CLIENTS_USER"] ?? "admin",
    password: process.env["CLIENTS_PASSWORD"] ?? "",
    publicProject: "library",
    privateProject: null,
    stop: async () => {},
    lastWords: () => "is where it runs",
  };
  return { ...http, start: async () => registry };
}

async function startBehindProxy(
  folder: string,
  environment: Readonly<Record<string, string>>,
): Promise<OwnRegistry> {
  const issued = await issueCertificate(folder, registryName);
  const place = { listen: behindProxy, host: behindProxy, authority: null, environment };
  const sampan = await startSampan(folder, place);
  const nginxFolder = join(folder, "nginx");
  await mkdir(nginxFolder);
  try {
    const nginx = await startNginx(nginxFolder, guide(), issued);
    return {
      ...sampan,
      host: registryName,
      authority: issued.authority,
      stop: async () => {
        await nginx.stop();
        await sampan.stop();
      },
    };
  } catch (error) {
    await sampan.stop();
    throw error;
  }
}
