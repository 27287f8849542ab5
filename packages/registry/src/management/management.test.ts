// The management API over real HTTP, as Harbor's clients use it.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { computeDigest, type DigestAlgorithm } from "@sampan/oci/model";
import { decodeJwt } from "jose";
import type { AuthWorld } from "../auth/testing/auth-world.ts";
import { adminPassword, basic, withAuth } from "../auth/testing/auth-world.ts";
import type { BlobBody } from "../blobs/blobs.ts";
import { readBlobBody } from "../blobs/conformance.ts";
import { createMemoryBlobs } from "../blobs/memory.ts";
import { createSequencer } from "../events/sequencer.ts";
import { createStoreCheck } from "../jobs/check.ts";
import { pushImage, repository, testImage } from "../meta/testing/meta-world.ts";
import { createManagement } from "./management.ts";
import { routes } from "./routes.ts";

const admin = basic("admin", adminPassword);

/** What lies in memory. */
const hash = async (body: BlobBody, algorithm: DigestAlgorithm) =>
  computeDigest(await readBlobBody(body), algorithm);

interface Given {
  readonly authorization?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed, where it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of any form
  readonly json: any;
}

interface Api extends AuthWorld {
  /** `GET /path`, by the administrator unless `authorization` is given. */
  call(what: string, given?: Given): Promise<Answer>;
}

function check(sentence: string, body: (api: Api) => Promise<void>): void {
  test(sentence, () =>
    withAuth(async (world) => {
      const { env, store, auth } = world;
      const options = { version: "1.2.3", externalUrl: null, graceMs: 60_000 };
      const blobs = createMemoryBlobs(env);
      const check = createStoreCheck(env, { store, blobs, hash });
      const management = createManagement(env, { store, auth, check }, options);
      await management.ready();
      const server = createServer((request, response) => management.routing(request, response));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      try {
        await body({ ...world, call: (what, given) => send(base, what, given) });
      } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
        await management.close();
      }
    }),
  );
}

async function send(base: string, what: string, given: Given = {}): Promise<Answer> {
  const [method = "GET", path = ""] = what.split(" ", 2);
  const { authorization = admin, body } = given;
  const isText = typeof body === "string";
  const response = await fetch(base + path, {
    method,
    headers: {
      ...(authorization === null ? {} : { Authorization: authorization }),
      ...(body === undefined || isText ? {} : { "Content-Type": "application/json" }),
      ...given.headers,
    },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = text !== "" && response.headers.get("content-type")?.includes("json");
  const json = isJson ? JSON.parse(text) : null;
  return { status: response.status, headers: response.headers, text, json };
}

const codeOf = ({ status, json }: Answer) => `${status} ${json.errors[0].code}`;

const projects = "/api/v2.0/projects";

check("ping, health, version and the little that strangers may know are open", async ({ call }) => {
  const open = { authorization: null };
  const ping = await call("GET /api/v2.0/ping", open);
  assert.deepEqual([ping.status, ping.text], [200, "Pong"]);
  assert.deepEqual((await call("GET /api/version", open)).json, { version: "v2.0" });
  assert.equal((await call("GET /api/v2.0/health", open)).json.status, "healthy");
  const info = await call("GET /api/v2.0/systeminfo", open);
  assert.equal(info.json.auth_mode, "db_auth");
  assert.equal(info.json.sampan_auth, "password");
  assert.equal(info.json.harbor_version, undefined);
  const full = (await call("GET /api/v2.0/systeminfo")).json;
  assert.equal(full.harbor_version, "v2.15.0-sampan.1.2.3");
  assert.match(full.external_url, /^http:\/\/127\.0\.0\.1:\d+$/);
});

check("a store that does not answer is unhealthy", async ({ call, store }) => {
  await store.close();
  const health = await call("GET /api/v2.0/health", { authorization: null });
  assert.deepEqual([health.status, health.json.status], [200, "unhealthy"]);
});

check("every answer carries a request's number, its own where it has one", async ({ call }) => {
  const made = await call("GET /api/v2.0/ping");
  assert.match(made.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
  const given = await call("GET /api/v2.0/nothing", { headers: { "X-Request-Id": "mine" } });
  assert.equal(given.headers.get("x-request-id"), "mine");
});

check("a project is created, found, changed and deleted", async ({ call }) => {
  const body = { project_name: "new", metadata: { public: "true", auto_scan: "false" } };
  const created = await call(`POST ${projects}`, { body });
  assert.equal(created.status, 201);
  assert.equal(created.headers.get("location"), "/api/v2.0/projects/3");
  assert.equal(codeOf(await call(`POST ${projects}`, { body })), "409 CONFLICT");
  for (const name of ["3", "new"]) {
    const project = (await call(`GET ${projects}/${name}`)).json;
    assert.deepEqual([project.project_id, project.name], [3, "new"]);
    assert.deepEqual([project.metadata, project.repo_count], [{ public: "true" }, 0]);
  }
  assert.equal((await call(`HEAD ${projects}?project_name=new`)).status, 200);
  assert.equal((await call(`HEAD ${projects}?project_name=none`)).status, 404);
  const change = { metadata: { public: "false" } };
  assert.equal((await call(`PUT ${projects}/new`, { body: change })).status, 200);
  assert.equal((await call(`GET ${projects}/new`)).json.metadata.public, "false");
  assert.equal((await call(`DELETE ${projects}/3`)).status, 200);
  assert.equal(codeOf(await call(`GET ${projects}/new`)), "404 NOT_FOUND");
});

check("a new project's Location names it when that is asked for", async ({ call }) => {
  const headers = { "X-Resource-Name-In-Location": "true" };
  const created = await call(`POST ${projects}`, { body: { project_name: "new" }, headers });
  assert.equal(created.headers.get("location"), "/api/v2.0/projects/new");
});

check("a project with digits for a name is reached by name", async ({ call }) => {
  await call(`POST ${projects}`, { body: { project_name: "1" } });
  assert.equal((await call(`GET ${projects}/1`)).json.name, "library");
  const headers = { "X-Is-Resource-Name": "true" };
  assert.equal((await call(`GET ${projects}/1`, { headers })).json.name, "1");
});

check("what cannot be a project is refused with a word about it", async ({ call }) => {
  const refuse = async (body: unknown, word: RegExp) => {
    const answer = await call(`POST ${projects}`, { body });
    assert.equal(codeOf(answer), "400 BAD_REQUEST");
    assert.match(answer.json.errors[0].message, word);
  };
  await refuse({ project_name: "Upper" }, /lower-case/);
  await refuse({ project_name: "a/b" }, /lower-case/);
  await refuse({ project_name: "" }, /lower-case/);
  await refuse({ project_name: "x".repeat(256) }, /255/);
  await refuse({}, /project_name/);
  await refuse({ project_name: 7, metadata: "x" }, /metadata/);
  await refuse({ project_name: "a", storage_limit: 5 }, /storage_limit/);
  await refuse({ project_name: "a", registry_id: 1 }, /registry_id/);
  await refuse({ project_name: "a", metadata: { auto_scan: "true" } }, /auto_scan/);
  await refuse({ project_name: "a", metadata: { public: "perhaps" } }, /public/);
});

check("what is no JSON, too large or of another type is refused", async ({ call }) => {
  const json = { "Content-Type": "application/json" };
  const broken = await call(`POST ${projects}`, { body: "{", headers: json });
  assert.equal(codeOf(broken), "400 BAD_REQUEST");
  const large = await call(`POST ${projects}`, { body: "x".repeat(2 ** 20 + 1), headers: json });
  assert.equal(codeOf(large), "413 REQUEST_ENTITY_TOO_LARGE");
  const xml = await call(`POST ${projects}`, {
    body: "<a/>",
    headers: { "Content-Type": "text/xml" },
  });
  assert.equal(xml.status, 415);
});

check("a page of another site changes nothing with the browser's login", async ({ call }) => {
  const form = {
    body: "project_name=evil&public=true",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  };
  assert.equal((await call(`POST ${projects}`, form)).status, 415);
  const text = { body: '{"project_name":"evil"}', headers: { "Content-Type": "text/plain" } };
  assert.equal((await call(`POST ${projects}`, text)).status, 415);
  const body = { project_name: "evil" };
  for (const headers of [
    { Origin: "http://evil.example" },
    { Origin: "null" },
    { "Sec-Fetch-Site": "cross-site" },
  ]) {
    const refused = await call(`POST ${projects}`, { body, headers });
    assert.equal(codeOf(refused), "403 FORBIDDEN");
    assert.match(refused.json.errors[0].message, /another site/);
    assert.equal(codeOf(await call(`DELETE ${projects}/team`, { headers })), "403 FORBIDDEN");
    assert.equal((await call(`GET ${projects}/team`, { headers })).status, 200);
  }
  assert.equal(codeOf(await call(`GET ${projects}/evil`)), "404 NOT_FOUND");
});

check("a method that a path does not have is told those it has", async ({ call }) => {
  const paths = new Set(routes.map(({ path }) => path));
  for (const path of paths) {
    const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
    const filled = path.replace(/:\w+/g, "1");
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      if (methods.some((known) => known === method)) continue;
      // No login, and a body that could not be read either.
      const isSafe = method === "GET" || method === "HEAD";
      const body = isSafe ? {} : { body: "<x/>", headers: { "Content-Type": "text/xml" } };
      const answer = await call(`${method} ${filled}`, { authorization: null, ...body });
      assert.equal(answer.status, 405, `${method} ${filled}`);
      assert.equal(answer.headers.get("allow"), methods.join(", "));
      if (method !== "HEAD") assert.equal(codeOf(answer), "405 METHOD_NOT_ALLOWED");
    }
  }
  assert.equal((await call("PATCH /api/v2.0/nothing")).status, 404);
});

check("every 401 says how to log in", async ({ call }) => {
  const challengeOf = async (what: string, authorization: string | null) => {
    const answer = await call(what, { authorization });
    assert.equal(codeOf(answer), "401 UNAUTHORIZED");
    assert.equal(answer.headers.get("www-authenticate"), 'Basic realm="sampan"', what);
  };
  await challengeOf(`DELETE ${projects}/library`, null);
  await challengeOf(`GET ${projects}/team`, null);
  await challengeOf("GET /api/v2.0/users/current", null);
  await challengeOf(`GET ${projects}`, basic("admin", "wrong"));
  await challengeOf(`GET ${projects}`, "Bearer x");
});

check("strangers see public projects, and learn nothing of the others", async ({ call }) => {
  const open = { authorization: null };
  const listed = await call(`GET ${projects}`, open);
  assert.deepEqual(
    listed.json.map((project: { name: string }) => project.name),
    ["library"],
  );
  assert.equal(listed.headers.get("x-total-count"), "1");
  assert.equal((await call(`GET ${projects}/library`, open)).status, 200);
  const answers = ["team", "none", "2", "99"].map((name) => call(`GET ${projects}/${name}`, open));
  const codes = (await Promise.all(answers)).map(codeOf);
  assert.deepEqual(new Set(codes), new Set(["401 UNAUTHORIZED"]));
});

check("strangers change nothing", async ({ call }) => {
  const open = { authorization: null };
  const body = { project_name: "x" };
  for (const what of [`POST ${projects}`, `PUT ${projects}/library`]) {
    assert.equal(codeOf(await call(what, { ...open, body })), "401 UNAUTHORIZED");
  }
  for (const what of [`DELETE ${projects}/library`, "GET /api/v2.0/users/current"]) {
    assert.equal(codeOf(await call(what, open)), "401 UNAUTHORIZED");
  }
  const wrong = { authorization: basic("admin", "wrong"), body };
  assert.equal(codeOf(await call(`POST ${projects}`, wrong)), "401 UNAUTHORIZED");
});

check("projects come in pages, filtered and sorted", async ({ call }) => {
  for (const name of ["a", "b", "c"])
    await call(`POST ${projects}`, { body: { project_name: name } });
  const names = async (query: string) => {
    const answer = await call(`GET ${projects}?${query}`);
    const shown = answer.json.map((project: { name: string }) => project.name).join(" ");
    return [shown, answer.headers.get("x-total-count"), answer.headers.get("link")];
  };
  assert.deepEqual(await names("page_size=2"), [
    "a b",
    "5",
    '</api/v2.0/projects?page_size=2&page=2>; rel="next"',
  ]);
  assert.deepEqual(await names("page=2&page_size=2"), [
    "c library",
    "5",
    '</api/v2.0/projects?page=1&page_size=2>; rel="prev" , ' +
      '</api/v2.0/projects?page=3&page_size=2>; rel="next"',
  ]);
  assert.deepEqual(await names("page=9"), ["", "5", '</api/v2.0/projects?page=8>; rel="prev"']);
  assert.deepEqual(await names("name=ra"), ["library", "1", null]);
  assert.deepEqual(await names("public=true"), ["library", "1", null]);
  assert.deepEqual(await names("q=name%3D~b"), ["b library", "2", null]);
  assert.deepEqual(await names("q=name%3Db,public%3Dfalse"), ["b", "1", null]);
  assert.deepEqual(
    await names("sort=-name&page_size=2&page=1").then(([shown]) => shown),
    "team library",
  );
  for (const query of ["page=0", "page_size=101", "page=x", "q=nonsense", "q=x%3D1", "sort=size"]) {
    assert.equal(codeOf(await call(`GET ${projects}?${query}`)), "400 BAD_REQUEST");
  }
});

check("repositories, artifacts and tags are listed and deleted", async ({ call, store }) => {
  const name = repository("team/deep/app");
  const [one, two] = [testImage("one"), testImage("two", { artifactType: "x/y" })];
  await pushImage(store, name, one, ["v1", "latest"]);
  await pushImage(store, name, two);
  const listed = await call(`GET ${projects}/team/repositories`);
  assert.equal(listed.headers.get("x-total-count"), "1");
  assert.deepEqual([listed.json[0].name, listed.json[0].artifact_count], ["team/deep/app", 2]);
  // Harbor's clients encode the slash twice, others once.
  for (const encoded of ["deep%252Fapp", "deep%2Fapp"]) {
    const base = `${projects}/team/repositories/${encoded}`;
    assert.equal((await call(`GET ${base}`)).json.name, "team/deep/app");
    const artifacts = (await call(`GET ${base}/artifacts?with_tag=true&sort=digest`)).json;
    const digests = artifacts.map((artifact: { digest: string }) => artifact.digest);
    assert.deepEqual(digests, [one.digest, two.digest].sort());
  }
  const base = `${projects}/team/repositories/deep%252Fapp`;
  const artifact = (await call(`GET ${base}/artifacts/v1`)).json;
  assert.deepEqual(
    [artifact.digest, artifact.type, artifact.size],
    [one.digest, "IMAGE", one.bytes.length + 7 + 7],
  );
  assert.deepEqual(
    artifact.tags.map((tag: { name: string }) => tag.name),
    ["latest", "v1"],
  );
  const other = (await call(`GET ${base}/artifacts/${two.digest}`)).json;
  assert.deepEqual([other.type, other.artifact_type, other.tags], ["UNKNOWN", "x/y", null]);
  const tags = await call(`GET ${base}/artifacts/v1/tags`);
  assert.equal(tags.headers.get("x-total-count"), "2");
  assert.equal((await call(`DELETE ${base}/artifacts/v1/tags/v1`)).status, 200);
  assert.equal(codeOf(await call(`GET ${base}/artifacts/v1`)), "404 NOT_FOUND");
  assert.equal((await call(`DELETE ${base}/artifacts/${one.digest}`)).status, 200);
  assert.equal((await call(`GET ${base}`)).json.artifact_count, 1);
  assert.equal(codeOf(await call(`DELETE ${projects}/team`)), "412 PRECONDITION");
  assert.equal((await call(`DELETE ${base}`)).status, 200);
  assert.equal(codeOf(await call(`GET ${base}`)), "404 NOT_FOUND");
  assert.deepEqual((await call(`GET ${projects}/team/repositories`)).json, []);
});

check("names that trick with paths find nothing", async ({ call, store }) => {
  await pushImage(store, repository("team/app"), testImage("one"), ["v1"]);
  for (const encoded of [
    "..%2Fteam%2Fapp",
    "%252e%252e%252Fapp",
    "app%00",
    "app%2500",
    "%25zz",
    "App",
  ]) {
    const answer = await call(`GET ${projects}/library/repositories/${encoded}`);
    assert.equal(answer.status, 404, encoded);
  }
  const tag = await call(`GET ${projects}/team/repositories/app/artifacts/..`);
  assert.equal(tag.status, 404);
  const odd = await call(`GET ${projects}/team/repositories/app/artifacts/sha256:x`);
  assert.equal(codeOf(odd), "400 BAD_REQUEST");
});

check("a private project's repositories are hidden from strangers", async ({ call, store }) => {
  await pushImage(store, repository("team/app"), testImage("one"), ["v1"]);
  await pushImage(store, repository("library/app"), testImage("one"), ["v1"]);
  const open = { authorization: null };
  for (const path of [
    "",
    "/app",
    "/app/artifacts",
    "/app/artifacts/v1",
    "/app/artifacts/v1/tags",
  ]) {
    assert.equal((await call(`GET ${projects}/library/repositories${path}`, open)).status, 200);
    assert.equal((await call(`GET ${projects}/team/repositories${path}`, open)).status, 401);
  }
});

check("one's own account is shown, and its password changed", async ({ call }) => {
  const user = (await call("GET /api/v2.0/users/current")).json;
  assert.deepEqual([user.user_id, user.username, user.sysadmin_flag], [1, "admin", true]);
  const change = (id: number, old: string, fresh: string) =>
    call(`PUT /api/v2.0/users/${id}/password`, {
      body: { old_password: old, new_password: fresh },
    });
  assert.equal(codeOf(await change(1, "wrong", "long enough")), "403 FORBIDDEN");
  assert.equal(codeOf(await change(1, adminPassword, "short")), "400 BAD_REQUEST");
  assert.equal(codeOf(await change(2, adminPassword, "long enough")), "403 FORBIDDEN");
  assert.equal((await change(1, adminPassword, "long enough")).status, 200);
  assert.equal(codeOf(await call("GET /api/v2.0/users/current")), "401 UNAUTHORIZED");
  const fresh = { authorization: basic("admin", "long enough") };
  assert.equal((await call("GET /api/v2.0/users/current", fresh)).status, 200);
});

const token = "/service/token?service=harbor-registry";

check("tokens are given with Basic or to strangers, with as much as they may", async ({ call }) => {
  const scopes = "scope=repository:team/app:pull,push&scope=repository:library/app:pull,push";
  const granted = async (authorization: string | null) => {
    const answer = await call(`GET ${token}&account=admin&${scopes}`, { authorization });
    assert.equal(answer.status, 200);
    assert.equal(answer.json.token, answer.json.access_token);
    assert.equal(answer.json.expires_in, 1_800);
    const claims = decodeJwt(answer.json.token);
    assert.equal(claims.iss, "harbor-token-issuer");
    assert.equal(claims.aud, "harbor-registry");
    const access = claims["access"] as { name: string; actions: string[] }[];
    return [claims.sub, ...access.map(({ name, actions }) => `${name}:${actions.join(",")}`)];
  };
  assert.deepEqual(await granted(admin), ["admin", "team/app:pull,push", "library/app:pull,push"]);
  assert.deepEqual(await granted(null), ["", "team/app:", "library/app:pull"]);
  const wrong = await call(`GET ${token}`, { authorization: basic("admin", "wrong") });
  assert.equal(codeOf(wrong), "401 UNAUTHORIZED");
});

check("tokens are given for a form with a password, as containerd asks", async ({ call }) => {
  const post = (form: Record<string, string>) =>
    call("POST /service/token", {
      authorization: null,
      body: new URLSearchParams(form).toString(),
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    });
  const login = { grant_type: "password", username: "admin", service: "harbor-registry" };
  const scope = "repository:team/app:pull repository:team/b:push";
  const given = await post({ ...login, password: adminPassword, scope });
  assert.equal(given.status, 200);
  const access = decodeJwt(given.json.access_token)["access"] as { name: string }[];
  assert.deepEqual(
    access.map(({ name }) => name),
    ["team/app", "team/b"],
  );
  assert.equal(codeOf(await post({ ...login, password: "wrong" })), "401 UNAUTHORIZED");
  const refresh = await post({ grant_type: "refresh_token", refresh_token: "x" });
  assert.deepEqual([refresh.status, refresh.json.error], [400, "unsupported_grant_type"]);
  assert.equal((await post({})).status, 400);
});

check("the event log is the audit log, newest first, in pages", async (api) => {
  const { call, env, store } = api;
  for (const name of ["a", "b"]) await call(`POST ${projects}`, { body: { project_name: name } });
  const stop = new AbortController();
  const running = createSequencer(env, { store }, { owner: "test" }).run(stop.signal);
  const list = (query: string) => call(`GET /api/v2.0/auditlog-exts${query}`);
  while ((await list("")).headers.get("x-total-count") !== "4") await env.clock.sleep(1);
  stop.abort();
  await running;
  const shown = async (query: string) =>
    (await list(query)).json.map(
      (event: { operation_description: string }) => event.operation_description,
    );
  const all = ["b", "a", "team", "library"].map((name) => `create project: ${name}`);
  assert.deepEqual(await shown(""), all);
  assert.deepEqual(await shown("?page=2&page_size=3"), all.slice(3));
  assert.deepEqual(await shown("?page=3&page_size=3"), []);
  assert.equal(codeOf(await list("?q=operation%3Dcreate")), "400 BAD_REQUEST");
  const open = await call("GET /api/v2.0/auditlog-exts", { authorization: null });
  assert.equal(codeOf(open), "401 UNAUTHORIZED");
});

check("what is not there is said in Harbor's form", async ({ call }) => {
  for (const what of ["GET /api/v2.0/nothing", "DELETE /api/v2.0/nothing", "GET /service/other"]) {
    assert.equal(codeOf(await call(what)), "404 NOT_FOUND");
  }
});

check("what fails inside is said in the log, not to the caller", async ({ call, store, lines }) => {
  await call(`GET ${projects}`);
  await store.close();
  const answer = await call(`GET ${projects}`);
  assert.equal(codeOf(answer), "500 UNKNOWN");
  assert.doesNotMatch(answer.text, /clos/);
  assert.match(lines.join(""), /a request failed/);
});

check("routes that change something are for users, and each is there once", async () => {
  const seen = new Set<string>();
  for (const route of routes) {
    const name = `${route.method} ${route.path}`;
    assert.ok(!seen.has(name), name);
    seen.add(name);
    const isRead = route.method === "GET" || route.method === "HEAD";
    const asksItself = route.path === "/service/token";
    if (!isRead && !asksItself) assert.ok(["user", "admin"].includes(route.access), name);
  }
});

check("what waits for the collector is counted", async ({ store, call }) => {
  const image = testImage("counted");
  await pushImage(store, repository("library/app"), image);
  const before = await call("GET /api/v2.0/system/gc/status");
  assert.equal(before.status, 200);
  assert.equal(before.json.grace_seconds, 60);
  assert.equal(before.json.young.links, 2);
  assert.equal(before.json.to_look_at.manifests, 0);
  const path = `/api/v2.0/projects/library/repositories/app/artifacts/${image.digest}`;
  assert.equal((await call(`DELETE ${path}`)).status, 200);
  const after = await call("GET /api/v2.0/system/gc/status");
  assert.deepEqual(
    [after.json.to_look_at.manifests, after.json.to_look_at.links, after.json.condemned.blobs],
    [1, 2, 0],
  );
  const anonymous = await call("GET /api/v2.0/system/gc/status", { authorization: null });
  assert.equal(anonymous.status, 401);
});

check("the check of the store finds what its records miss", async ({ store, call }) => {
  const image = testImage("records only");
  await pushImage(store, repository("library/app"), image);
  const answer = await call("POST /api/v2.0/system/store/check");
  assert.equal(answer.status, 200);
  assert.deepEqual([answer.json.checked, answer.json.next], [3, null]);
  const found = answer.json.findings.map((each: { digest: string; damage: string }) => [
    each.digest,
    each.damage,
  ]);
  // Their records name places that no blob store has.
  assert.deepEqual(found.sort(), image.blobs.map((digest) => [digest, "unreadable"]).sort());
  assert.equal((await call("POST /api/v2.0/system/store/check?after=%00nonsense")).status, 200);
});
