// ctr: containerd's own client, which resolves registries through hosts.toml as every node does.

import { join } from "node:path";
import type { Bench, Check, Client } from "./client.ts";
import { expectRefusal, run } from "./command.ts";
import { expectEqual } from "./comparison.ts";
import { containerdNeeds, mappedHost, startContainerd } from "./containerd.ts";
import { wrongCredentials } from "./containers-tools.ts";
import type { Layout } from "./images.ts";
import { trustChecks, untrusted } from "./trust.ts";

export const ctr: Client = {
  name: "ctr",
  needs: [...containerdNeeds, { command: "tar", packages: ["tar"] }],
  needsRoot: true,
  prepare,
};

const copyTimeoutMs = 240_000;
/** ctr says what the registry's status was. */
const refusal = /401|403|unauthorized|authorization failed|insufficient_scope|denied/i;

/**
 * ctr reads what it pushes from containerd, over a socket on this machine; with containerd 1.6 about one
 * such stream in thirty breaks, under load. No registry is asked then, and none answers with these words.
 */
const brokenSocket = /rpc error: code = Internal desc = unexpected EOF/;

async function againIfBroken(push: () => Promise<string>): Promise<string> {
  try {
    return await push();
  } catch (error) {
    if (!(error instanceof Error) || !brokenSocket.test(error.message)) throw error;
    console.error("ctr: its stream from containerd's store broke; it pushes once more");
    return await push();
  }
}

async function prepare(bench: Bench): Promise<readonly Check[]> {
  const containerd = await startContainerd(bench);
  const { host, publicProject, username, password } = bench.registry;
  const image = (tag: string) => `${mappedHost}/${publicProject}/ctr/app:${tag}`;
  const hosts = ["--hosts-dir", containerd.hostsFolder];
  const user = ["--user", `${username}:${password}`];
  const base = ["-a", containerd.socket];
  const ctr = (...args: string[]) => run("ctr", [...base, ...args], { timeoutMs: copyTimeoutMs });

  const small = await bench.images.small(bench.folder);
  const multi = await bench.images.multi(bench.folder);
  const large = await bench.images.large(bench.folder);

  /** Into containerd's store, under the name it is to be pushed as. */
  const load = async (layout: Layout, tag: string) => {
    const archive = join(bench.folder, `${tag}.tar`);
    await run("tar", ["-C", layout.path, "-cf", archive, "."]);
    const names = ["--base-name", `local/${tag}`, "--digests"];
    await ctr("images", "import", "--all-platforms", "--no-unpack", ...names, archive);
    await ctr("images", "tag", `local/${tag}@${layout.digest}`, image(tag));
  };
  const push = (tag: string) =>
    againIfBroken(() => ctr("images", "push", ...hosts, ...user, image(tag)));
  const loadAndPush = async (layout: Layout, tag: string) => {
    await load(layout, tag);
    await push(tag);
  };
  /** Without credentials: the project is public. */
  const pull = (tag: string, ...options: string[]) =>
    ctr("images", "pull", ...hosts, ...options, image(tag));
  const digestOf = async (tag: string): Promise<string> => {
    const rows = (await ctr("images", "list", `name==${image(tag)}`)).trim().split("\n");
    return rows[1]?.split(/\s+/)[2] ?? "";
  };
  /** Nothing of it stays, so that the next pull moves every byte. */
  const forget = async () => {
    const names = (await ctr("images", "list", "-q")).trim().split("\n");
    await ctr("images", "rm", "--sync", ...names);
    const left = (await ctr("content", "list", "-q")).trim();
    if (left !== "") throw new Error(`containerd still holds content: ${left}`);
  };
  const pullBack = async (layout: Layout, tag: string, ...options: string[]) => {
    await forget();
    await pull(tag, ...options);
    expectEqual(await digestOf(tag), layout.digest, "digest of the pulled image");
  };

  const nothing = `${host}/${publicProject}/ctr/none:v1`;
  const pullNothing = [...base, "images", "pull", ...hosts, nothing];
  return [
    ...trustChecks(bench, {
      refuse: () => expectRefusal("ctr", pullNothing, { says: untrusted }),
      learn: (authority) => containerd.trust(authority),
      accept: () => expectRefusal("ctr", pullNothing, { says: /not found/ }),
    }),
    {
      name: "is refused to push without credentials and with wrong ones",
      run: async () => {
        await load(small, "small");
        const command = [...base, "images", "push", ...hosts];
        await expectRefusal("ctr", [...command, image("small")], { says: refusal });
        const wrong = ["--user", wrongCredentials(bench)];
        await expectRefusal("ctr", [...command, ...wrong, image("small")], { says: refusal });
      },
    },
    {
      name: "pushes an image through hosts.toml",
      run: async () => void (await push("small")),
    },
    { name: "pulls it back without credentials", run: () => pullBack(small, "small") },
    {
      name: "runs what it pulled",
      run: async () => {
        const command = ["run", "--rm", image("small"), "aboard", "echo", "aboard"];
        expectEqual((await ctr(...command)).trim(), "aboard", "output");
      },
    },
    {
      name: "pushes an index of two platforms and pulls it back",
      run: async () => {
        await loadAndPush(multi, "multi");
        await pullBack(multi, "multi", "--all-platforms");
      },
    },
    { name: `pushes ${bench.images.largeMB} MB`, run: () => loadAndPush(large, "large") },
    { name: `pulls ${bench.images.largeMB} MB back`, run: () => pullBack(large, "large") },
  ];
}
