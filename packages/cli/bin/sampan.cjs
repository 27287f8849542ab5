#!/usr/bin/env node
// Starts the command line. CommonJS, because Node reads an ES module through libuv's thread pool, and
// the size of that pool is fixed by its first use.

"use strict";

const version = process.versions.node.split(".").map(Number);
if (version[0] < 20 || (version[0] === 20 && version[1] < 19)) {
  process.stderr.write(
    `sampan: needs Node 20.19 or later, this is ${process.versions.node}; see https://nodejs.org\n`,
  );
  process.exit(1);
}

// File reads, fsync, scrypt and name lookups share the pool; Node's four threads let one slow disk
// hold up everything else.
if (!process.env.UV_THREADPOOL_SIZE) process.env.UV_THREADPOOL_SIZE = "16";

const { existsSync } = require("node:fs");
const { join } = require("node:path");
const main = join(__dirname, "..", "dist", "process.js");
if (!existsSync(main)) {
  process.stderr.write("sampan: is not built yet; run npm run build\n");
  process.exit(1);
}
import(main);
