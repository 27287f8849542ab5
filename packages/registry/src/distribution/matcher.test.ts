import assert from "node:assert/strict";
import { test } from "node:test";
import { createMatcher } from "./matcher.ts";
import { routes } from "./routes.ts";

const match = createMatcher(routes);

function check(method: string, path: string, expected: string): void {
  test(`${method} ${path}`, () => {
    const found = match(method, path);
    const said =
      found.type === "route"
        ? `${found.route.path} name=${found.name} argument=${found.argument}`
        : found.type;
    assert.equal(said, expected);
  });
}

const manifest = "/v2/{name}/manifests/{reference}";
const blob = "/v2/{name}/blobs/{digest}";
const uploads = "/v2/{name}/blobs/uploads/";
const upload = "/v2/{name}/blobs/uploads/{id}";

check("GET", "/v2/", "/v2/ name= argument=");
check("GET", "/v2", "/v2/ name= argument=");
check("GET", "/v2/_catalog", "/v2/_catalog name= argument=");
check("GET", "/v2/a/manifests/v1", `${manifest} name=a argument=v1`);
check("GET", "/v2/a/b/c/manifests/v1", `${manifest} name=a/b/c argument=v1`);
check("GET", "/v2/a/blobs/sha256:x", `${blob} name=a argument=sha256:x`);
check("GET", "/v2/a/blobs/sha256%3Ax", `${blob} name=a argument=sha256:x`);
check("POST", "/v2/a/blobs/uploads/", `${uploads} name=a argument=`);
check("PATCH", "/v2/a/b/blobs/uploads/1", `${upload} name=a/b argument=1`);
check("GET", "/v2/a/tags/list", "/v2/{name}/tags/list name=a argument=");
check("GET", "/v2/a/referrers/d", "/v2/{name}/referrers/{digest} name=a argument=d");

// Names may hold every word that routes are made of.
check("GET", "/v2/manifests/manifests/manifests", `${manifest} name=manifests argument=manifests`);
check("GET", "/v2/a/tags/tags/list", "/v2/{name}/tags/list name=a/tags argument=");
check("GET", "/v2/a/blobs/manifests/v1", `${manifest} name=a/blobs argument=v1`);
check("GET", "/v2/uploads/blobs/d", `${blob} name=uploads argument=d`);
check("GET", "/v2/blobs/uploads/blobs/uploads/1", `${upload} name=blobs/uploads argument=1`);

// What names are is the parser's to say: nothing here is a path of anything.
check("GET", "/v2/../../etc/manifests/passwd", `${manifest} name=../../etc argument=passwd`);
check("GET", "/v2//manifests/v1", `${manifest} name= argument=v1`);
check("GET", "/v2/a%2f..%2fb/manifests/v1", `${manifest} name=a/../b argument=v1`);

check("GET", "/v2/a", "no-path");
check("GET", "/v2/a/manifests/", "no-path");
check("GET", "/v2/manifests/v1", "no-path");
check("GET", "/v2/a/b/c", "no-path");
check("GET", "/v2/a/tags/other", "no-path");
check("GET", "/v2/a/uploads/1", "no-path");
check("GET", "/v1/a/manifests/v1", "no-path");
check("GET", "/", "no-path");
check("GET", "", "no-path");
check("GET", "/v2/a/manifests/%", "bad-path");
check("GET", "/v2/a/manifests/%ff", "bad-path");
check("PATCH", "/v2/a/manifests/v1", "no-method");
check("DELETE", "/v2/", "no-method");
check("GET", "/v2/a/blobs/uploads/", "no-method");

test("a wrong method is told all the right ones", () => {
  const found = match("POST", "/v2/a/blobs/uploads/1");
  assert.deepEqual(found, { type: "no-method", allowed: ["GET", "PATCH", "PUT", "DELETE"] });
});
