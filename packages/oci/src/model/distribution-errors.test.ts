// The error table on the wire, and the errors that other registries send.

import assert from "node:assert/strict";
import test from "node:test";
import { distributionErrors, errorBody, parseErrorBody } from "./distribution-errors.ts";

test("every error has a status of failure, a code in upper case and a sentence", () => {
  for (const [name, error] of Object.entries(distributionErrors)) {
    assert.ok(error.status >= 400 && error.status < 600, name);
    assert.match(error.code, /^[A-Z_]+$/, name);
    assert.notEqual(error.message, "", name);
  }
});

test("the codes of the specification are all there", () => {
  const codes = new Set<string>(Object.values(distributionErrors).map((error) => error.code));
  const specified = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
  ];
  assert.deepEqual(
    specified.filter((code) => !codes.has(code)),
    [],
  );
});

test("a body says the table's sentence unless given a better one", () => {
  assert.equal(
    errorBody("denied"),
    '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}',
  );
  const body = errorBody("manifest-invalid", { message: "layers is not a list", detail: { a: 1 } });
  assert.deepEqual(parseErrorBody(body), [
    { code: "MANIFEST_INVALID", message: "layers is not a list", detail: { a: 1 } },
  ]);
});

test("a body that is no error body has no errors", () => {
  for (const text of ["", "<html>", "null", "[]", '{"errors":{}}', '{"errors":[1,{}]}']) {
    assert.deepEqual(parseErrorBody(text), [], text);
  }
  const many = JSON.stringify({ errors: Array.from({ length: 99 }, () => ({ code: "X" })) });
  assert.equal(parseErrorBody(many).length, 32);
  assert.deepEqual(parseErrorBody('{"errors":[{"code":"X"}]}'), [{ code: "X", message: "" }]);
});
