// The pull path of a Kubernetes node: the kubelet's call to containerd, without a kubelet.

import type { Bench, Check, Client } from "./client.ts";
import { expectEqual } from "./comparison.ts";
import { containerdNeeds, mappedHost, startContainerd } from "./containerd.ts";
import { nobody, pushWithSkopeo } from "./containers-tools.ts";
import type { CriAuth, ImageService } from "./cri-service.ts";
import { connectImageService } from "./cri-service.ts";
import type { Layout } from "./images.ts";
import { trustChecks, untrusted } from "./trust.ts";

export const cri: Client = {
  name: "cri",
  needs: [...containerdNeeds, { command: "skopeo", packages: ["skopeo"] }],
  needsRoot: true,
  prepare,
};

async function prepare(bench: Bench): Promise<readonly Check[]> {
  const containerd = await startContainerd(bench);
  const service = connectImageService(containerd.socket);
  bench.atEnd(async () => service.close());
  const small = await bench.images.small(bench.folder);
  const { host, publicProject, privateProject } = bench.registry;
  const push = (path: string, layout: Layout) =>
    pushWithSkopeo(bench, layout, { image: `${host}/${path}`, options: ["--all"] });
  const path = `${publicProject}/cri/app`;
  await push(`${path}:v1`, small);

  return [
    ...trustChecks(bench, {
      refuse: () => expectRejected(service, { image: `${host}/${path}:v1`, says: untrusted }),
      learn: (authority) => containerd.trust(authority),
      accept: async () => void (await service.pull(`${host}/${path}:v1`, null)),
    }),
    {
      name: "pulls from a public project without credentials",
      run: () => pullAndCompare(service, `${host}/${path}:v1`, small),
    },
    {
      name: "pulls through the name that hosts.toml maps",
      run: () => pullAndCompare(service, `${mappedHost}/${path}:v1`, small),
    },
    {
      name: "pulls by digest",
      run: () => pullAndCompare(service, `${mappedHost}/${path}@${small.digest}`, small),
    },
    {
      name: "is told of a tag that is not there",
      run: () => expectRejected(service, { image: `${host}/${path}:none`, says: /not found/i }),
    },
    ...(privateProject === null
      ? []
      : privateChecks(bench, { service, push: (to) => push(to, small), small, privateProject })),
  ];
}

interface Private {
  readonly service: ImageService;
  readonly push: (path: string) => Promise<void>;
  readonly small: Layout;
  readonly privateProject: string;
}

function privateChecks(bench: Bench, given: Private): Check[] {
  const { service, push, small, privateProject } = given;
  const { host, username, password } = bench.registry;
  const image = `${host}/${privateProject}/cri:v1`;
  const says = /401|403|unauthorized|authorization failed|insufficient_scope|denied/i;
  return [
    {
      name: "pulls from a private project with the right credentials only",
      run: async () => {
        await push(`${privateProject}/cri:v1`);
        await expectRejected(service, { image, says });
        const wrong = { username: nobody(bench), password: "wrong-password" };
        await expectRejected(service, { image, says, auth: wrong });
        await pullAndCompare(service, image, small, { username, password });
      },
    },
  ];
}

async function pullAndCompare(
  service: ImageService,
  image: string,
  layout: Layout,
  auth: CriAuth | null = null,
): Promise<void> {
  await service.pull(image, auth);
  const status = await service.status(image);
  const digests = status?.repoDigests.map((name) => name.slice(name.indexOf("@") + 1)) ?? [];
  expectEqual(digests[0] ?? "nothing", layout.digest, "digest of the pulled image");
  await service.remove(image);
}

interface Rejected {
  readonly image: string;
  readonly says: RegExp;
  readonly auth?: CriAuth;
}

async function expectRejected(service: ImageService, rejected: Rejected): Promise<void> {
  const answer = await service.pull(rejected.image, rejected.auth ?? null).then(
    () => "it was pulled",
    (error: Error) => error.message,
  );
  if (!rejected.says.test(answer)) throw new Error(`expected ${rejected.says}, but: ${answer}`);
}
