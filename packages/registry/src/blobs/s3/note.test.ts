import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeNote, noteBytes, parseNote, type UploadNote } from "./note.ts";

test("a note reads back, whatever the bytes of its tail", () => {
  const part = { bytes: 5_242_880, etag: '"0123"' };
  const notes: UploadNote[] = [
    { uploadId: null, parts: [], tail: Buffer.alloc(0) },
    { uploadId: null, parts: [], tail: Buffer.from('\n{"format":9}\n\0') },
    { uploadId: "u/1", parts: [part, { ...part, etag: '"45"' }], tail: Buffer.from("abc") },
  ];
  for (const note of notes) {
    const read = parseNote(encodeNote(note));
    assert.deepEqual({ ...read, tail: Buffer.from(read.tail) }, note);
    assert.equal(noteBytes(read), noteBytes(note));
  }
});

test("a damaged note is never taken for an upload", () => {
  const check = (text: string, why: RegExp): void => {
    assert.throws(() => parseNote(Buffer.from(text)), { code: "corrupt", message: why }, text);
  };
  check("", /first line/);
  check("[1]", /first line/);
  check("null\n", /first line/);
  check("{}\n", /format is undefined/);
  check('{"format":2}\n', /format is 2/);
  check('{"format":1,"uploadId":3}\n', /names no upload/);
  check('{"format":1,"uploadId":"u","parts":[{"bytes":-1,"etag":""}]}\n', /parts are none/);
  check('{"format":1,"uploadId":null,"parts":[{"bytes":1,"etag":""}],"tail":0}\n', /of no upload/);
  check('{"format":1,"uploadId":null,"parts":[],"tail":3}\nab', /another length/);
  check('{"format":1,"uploadId":null,"parts":[],"tail":1}\nab', /another length/);
});
