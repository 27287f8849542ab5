// buildah: builds an image here, pushes what it built, pulls it and builds on top of it.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Check, Client } from "./client.ts";
import { expectRefusal, run } from "./command.ts";
import { expectEqual } from "./comparison.ts";
import {
  containersEnvironment,
  containersNeeds,
  containersTrust,
  credentials,
  loginArguments,
  plainHttp,
  refusal,
  wrongCredentials,
} from "./containers-tools.ts";

export const buildah: Client = {
  name: "buildah",
  needs: [
    { command: "buildah", packages: ["buildah"] },
    { command: "runc", packages: ["runc"] },
    ...containersNeeds,
  ],
  needsRoot: true,
  prepare,
};

async function prepare(bench: Bench): Promise<readonly Check[]> {
  const environment = await containersEnvironment(bench);
  const { host, publicProject, password } = bench.registry;
  const base = `${host}/${publicProject}/buildah/base:v1`;
  const app = `${host}/${publicProject}/buildah/app:v1`;
  const plain = plainHttp(bench);
  const creds = ["--creds", credentials(bench)];
  const buildah = (...args: string[]) => run("buildah", args, { environment });
  bench.atEnd(async () => void (await buildah("rmi", "--all", "--force")));

  /** The digest that the registry has now. */
  const push = async (image: string): Promise<string> => {
    const digestFile = join(bench.folder, "digest");
    await buildah("push", ...plain, ...creds, "--digestfile", digestFile, image);
    return (await readFile(digestFile, "utf8")).trim();
  };
  /** Without credentials: the project is public. */
  const pull = async (image: string): Promise<string> => {
    await buildah("pull", "--quiet", ...plain, image);
    const all = JSON.parse(await buildah("images", "--json", image));
    return String(all[0]?.digest);
  };
  const forget = () => buildah("rmi", "--all", "--force");

  return [
    ...containersTrust(bench, "buildah", environment),
    {
      name: "is refused to log in with a wrong password, and logs in",
      run: async () => {
        const wrong = loginArguments(bench, "wrong-password");
        await expectRefusal("buildah", wrong, { environment, says: refusal });
        await buildah(...loginArguments(bench, password));
        await buildah("logout", host);
      },
    },
    {
      name: "is refused to push with wrong credentials",
      run: async () => {
        await buildFromScratch(bench, base, environment);
        const wrong = ["push", ...plain, "--creds", wrongCredentials(bench), base];
        await expectRefusal("buildah", wrong, { environment, says: refusal });
      },
    },
    {
      name: "pushes what it built and pulls it back",
      run: async () => {
        const digest = await push(base);
        await forget();
        expectEqual(await pull(base), digest, "digest of the pulled image");
      },
    },
    {
      name: "builds on an image that it pulls, and pushes the result",
      run: async () => {
        await forget();
        await buildOnTop(bench, { base, app, environment });
        const digest = await push(app);
        await forget();
        expectEqual(await pull(app), digest, "digest of the pulled image");
      },
    },
  ];
}

type Environment = Readonly<Record<string, string>>;

async function buildFromScratch(bench: Bench, image: string, environment: Environment) {
  const context = join(bench.folder, "base");
  await mkdir(context);
  await writeFile(join(context, "busybox"), await readFile("/bin/busybox"), { mode: 0o755 });
  await writeFile(
    join(context, "Containerfile"),
    'FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nCMD ["/bin/sh"]\n',
  );
  const arguments_ = ["bud", "--isolation", "chroot", "--layers", "-t", image, context];
  await run("buildah", arguments_, { environment });
}

interface Build {
  readonly base: string;
  readonly app: string;
  readonly environment: Environment;
}

async function buildOnTop(bench: Bench, { base, app, environment }: Build): Promise<void> {
  const context = join(bench.folder, "app");
  await mkdir(context);
  await writeFile(
    join(context, "Containerfile"),
    `FROM ${base}\nRUN ["/bin/busybox", "sh", "-c", "echo aboard > /cargo"]\n`,
  );
  const options = ["bud", ...plainHttp(bench), "--isolation", "chroot", "--layers", "-t", app];
  await run("buildah", [...options, context], { environment });
}
