// What callers get to see and to use on /v2/ by the rights of the person behind their token.

import assert from "node:assert/strict";
import type { Env } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import { computeDigest } from "@sampan/oci/model";
import { seededRandom } from "@sampan/oci/testing";
import { mutateText } from "@sampan/oci/testing/fuzz";
import { type Auth, createAuth, type Identity } from "../auth/auth.ts";
import type { ProjectName } from "../core/project-name.ts";
import { parseScopes } from "../core/scope.ts";
import { createProject } from "../meta/index.ts";
import { type Answer, jsonOf } from "./testing/http-client.ts";
import { ociIndex, type RegistryWorld, worldTest } from "./testing/registry-world.ts";

interface Scene {
  readonly world: RegistryWorld;
  /** The header of a token with these scopes. */
  bearer(identity: Identity, ...scopes: string[]): Promise<{ readonly authorization: string }>;
}

const admin: Identity = { type: "user", name: "admin", id: 1, admin: true };
/** May push where the token says so, and is no user that the registry knows: pulls what is public. */
const stranger: Identity = { type: "user", name: "ann", id: 2, admin: true };

function check(name: string, body: (scene: Scene) => Promise<void>): void {
  const made: Auth[] = [];
  const open = (env: Env, store: Store): Auth => {
    const auth = createAuth(env, { store }, { mode: "token" });
    made.push(auth);
    return auth;
  };
  worldTest(name, { createAuth: open }, async (world) => {
    const [auth] = made;
    assert.ok(auth !== undefined, "the world made it");
    const bearer = async (identity: Identity, ...scopes: string[]) => {
      const issued = await auth.issueToken(identity, parseScopes(scopes));
      assert.ok(issued.ok);
      return { authorization: `Bearer ${issued.value.token}` };
    };
    await body({ world, bearer });
  });
}

async function addProject(world: RegistryWorld, name: string, isPublic: boolean): Promise<void> {
  const what = { name: name as ProjectName, public: isPublic, actor: "admin", nowMs: 0 };
  assert.ok((await createProject(world.store, what)).ok);
}

async function pushBlob({ world, bearer }: Scene, repository: string, bytes: string) {
  const headers = await bearer(admin, `repository:${repository}:pull,push`);
  const digest = computeDigest(Buffer.from(bytes));
  const path = `/v2/${repository}/blobs/uploads/?digest=${digest}`;
  await world.expect(201, "POST", path, { headers, body: bytes });
  return digest;
}

check("a mount reaches what the token's user may pull, whatever its scope", async (scene) => {
  const { world, bearer } = scene;
  await addProject(world, "team", false);
  const secret = await pushBlob(scene, "team/app", "of the team");
  const open = await pushBlob(scene, "library/base", "for everyone");
  const target = "/v2/library/app/blobs/uploads/";
  const scope = "repository:library/app:pull,push";
  const mount = async (identity: Identity, query: string, status: number) => {
    const headers = await bearer(identity, scope);
    await world.expect(status, "POST", `${target}?mount=${query}`, { headers });
  };
  await mount(stranger, `${secret}&from=team/app`, 202);
  await mount(stranger, secret, 202);
  await mount(stranger, `${open}&from=library/base`, 201);
  await mount(admin, `${secret}&from=team/app`, 201);
  // Now the stranger may have it, for it lies in a public project.
  await mount(stranger, secret, 201);
});

check("a mount without a source finds the one repository that may be pulled", async (scene) => {
  const { world, bearer } = scene;
  await addProject(world, "a-team", false);
  await pushBlob(scene, "a-team/app", "shared");
  const digest = await pushBlob(scene, "library/base", "shared");
  const headers = await bearer(stranger, "repository:library/app:pull,push");
  const path = `/v2/library/app/blobs/uploads/?mount=${digest}`;
  await world.expect(201, "POST", path, { headers });
});

check("a token that was tampered with is never taken", async ({ world, bearer }) => {
  const { authorization } = await bearer(admin, "repository:library/app:pull");
  await world.expect(404, "HEAD", "/v2/library/app/manifests/v1", { headers: { authorization } });
  for (let seed = 1; seed <= 300; seed += 1) {
    const mutant = mutateText(seededRandom(seed), authorization).replace(/[^\x21-\x7e ]/g, "");
    // The scheme's case and spaces around it are no part of the token.
    if (tokenOf(mutant) === tokenOf(authorization)) continue;
    const answer = await world.send("HEAD", "/v2/library/app/manifests/v1", {
      headers: { authorization: mutant },
    });
    assert.equal(answer.status, 401, `seed ${seed}`);
  }
});

/** Of the last letter of base64url some bits mean nothing (RFC 4648, section 3.5). */
function tokenOf(authorization: string): string {
  const token = authorization.trim().replace(/^bearer +/i, "");
  return token
    .split(".")
    .map((part) => Buffer.from(part, "base64url").toString("hex"))
    .join(".");
}

check("the catalog shows what the caller may pull, over pages too", async ({ world, bearer }) => {
  for (const [name, isPublic] of [
    ["a", true],
    ["a-b", true],
    ["hidden", false],
    ["z", true],
  ] as const) {
    await addProject(world, name, isPublic);
  }
  const all = ["a-b/one", "a/one", "a/two", "hidden/one", "library/x", "z/one"];
  const visible = all.filter((name) => !name.startsWith("hidden/"));
  for (const repository of all) await pushManifest({ world, bearer }, repository);
  const cases: readonly (readonly [Identity, readonly string[]])[] = [
    [admin, all],
    [stranger, visible],
    [{ type: "anonymous" }, visible],
  ];
  for (const [identity, expected] of cases) {
    const headers = await bearer(identity, "registry:catalog:*");
    for (const limit of [1, 2, 3, 100]) {
      const names: string[] = [];
      let path: string | undefined = `/v2/_catalog?n=${limit}`;
      while (path !== undefined) {
        const answer: Answer = await world.expect(200, "GET", path, { headers });
        const page = (jsonOf(answer) as { repositories: string[] }).repositories;
        assert.ok(page.length <= limit && page.length > 0);
        names.push(...page);
        path = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers["link"]))?.[1];
      }
      assert.deepEqual(names, expected, `${identity.type} by ${limit}`);
    }
    const none = await world.expect(200, "GET", "/v2/_catalog?n=0", { headers });
    assert.deepEqual(jsonOf(none), { repositories: [] });
    assert.equal(none.headers["link"], undefined);
  }
  await world.expect(401, "GET", "/v2/_catalog");
  const headers = await bearer(admin, "repository:library/x:pull");
  const refused = await world.expect(401, "GET", "/v2/_catalog", { headers });
  assert.match(String(refused.headers["www-authenticate"]), /scope="registry:catalog:\*"/);
});

async function pushManifest({ world, bearer }: Scene, repository: string): Promise<void> {
  const headers = await bearer(admin, `repository:${repository}:pull,push`);
  const index = { schemaVersion: 2, mediaType: ociIndex, manifests: [] };
  const body = JSON.stringify(index);
  await world.expect(201, "PUT", `/v2/${repository}/manifests/v1`, {
    headers: { ...headers, "content-type": ociIndex },
    body,
  });
}
