// The data directory: made once, held by one process at a time, never opened when it is newer than
// us. Every role that keeps something on a disk opens it first.
//
//   DIR/            mode 0700
//     FORMAT        {"format":"sampan-data","version":1,"createdBy":"0.1.0"}, written last of all
//     LOCK          {"pid":…,"started":…,"boot":"…","host":"…"} of the process that holds it
//     kv/           RocksDB (its own LOCK file there is held by the kernel)
//     blobs/        the bytes of blobs
//
// Crash story. FORMAT comes after the directories are on the disk: where it is missing, nothing was
// ever stored and the creation starts again; where it is there and a directory is missing, somebody
// took that away, and starting empty would hide it. LOCK is linked into place whole, so that no
// reader meets half of it; after a power failure its process is gone, which the boot id tells. Two
// processes that take over the same stale LOCK at once may both pass here, as may two containers
// that do not see each other's processes; RocksDB's kernel lock then lets one through.

import { access, mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { err, errorCode, errorMessage, type Log, ok, type Result } from "@sampan/env";
import { acquireLock, describeHolder, type Lock } from "./directory-lock.ts";
import { syncDirectory, syncNamesAbove, writeFileDurably } from "./durable-file.ts";

export const formatVersion = 1;

const another = "or choose another directory with --data";

export interface DataDirectory {
  readonly path: string;
  readonly kv: string;
  readonly blobs: string;
  /** True when this call made it. */
  readonly created: boolean;
  /** Lets the next process in. Twice is once. */
  release(): Promise<void>;
}

export interface DataDirectoryOptions {
  readonly path: string;
  /**
   * What may be made where it is missing: nothing, the directory, or those above it too (else a
   * missing one there is taken for a typing error).
   */
  readonly create: "nothing" | "directory" | "parents";
  /** Of this program, for FORMAT. */
  readonly version: string;
}

/** The error is one line for the operator: what is wrong with which path, and the next step. */
export async function openDataDirectory(
  log: Log,
  options: DataDirectoryOptions,
): Promise<Result<DataDirectory, string>> {
  const path = resolve(options.path);
  try {
    if (options.create === "nothing") await access(join(path, "FORMAT"));
    else await makeDirectory(path, options.create === "parents");
    const lock = await acquireLock(join(path, "LOCK"));
    if (!lock.ok) {
      const holder = describeHolder(lock.error);
      return err(`${path} is in use by ${holder}; stop it first, ${another}`);
    }
    return await openOrRelease(log, { path, version: options.version, lock: lock.value });
  } catch (error) {
    const absent = options.create === "nothing" && errorCode(error) === "ENOENT";
    if (absent) return err(`${path} holds no data of Sampan; name the directory with --data`);
    return err(explain(path, error));
  }
}

interface Held {
  readonly path: string;
  readonly version: string;
  readonly lock: Lock;
}

async function openOrRelease(log: Log, held: Held): Promise<Result<DataDirectory, string>> {
  let opened = false;
  try {
    const result = await openHeld(log, held);
    opened = result.ok;
    return result;
  } finally {
    if (!opened) await held.lock.release();
  }
}

async function openHeld(log: Log, held: Held): Promise<Result<DataDirectory, string>> {
  const { lock, path, version } = held;
  const [kv, blobs] = [join(path, "kv"), join(path, "blobs")];
  const format = await readFormat(path);
  if (!format.ok) return format;

  const created = format.value === "none";
  const obstacle = created ? await foreignEntry(path) : await missingEntry(path);
  if (obstacle !== null) return err(obstacle);
  if (created) await create(path, version);

  const { mode } = await stat(path);
  if ((mode & 0o007) !== 0) {
    log.warn("every user of this machine can enter the data directory; chmod 700 it", { path });
  }
  if (lock.tookOver !== null) {
    log.info("the last process that held the data directory did not stop cleanly", {
      pid: lock.tookOver.pid,
      host: lock.tookOver.host,
    });
  }
  return ok({ path, kv, blobs, created, release: () => lock.release() });
}

async function create(path: string, version: string): Promise<void> {
  await makeDirectory(join(path, "kv"), false);
  await makeDirectory(join(path, "blobs"), false);
  await syncDirectory(path);
  await syncNamesAbove(path);
  const format = { format: "sampan-data", version: formatVersion, createdBy: version };
  await writeFileDurably(join(path, "FORMAT"), `${JSON.stringify(format)}\n`);
}

async function makeDirectory(path: string, parents: boolean): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700, recursive: parents });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}

async function readFormat(path: string): Promise<Result<"none" | "known", string>> {
  const file = join(path, "FORMAT");
  const text = await readOrNull(file);
  if (text === null) return ok("none");
  const format = parseFormat(text);
  if (format === null) {
    return err(`${file} is damaged; restore it from a backup of the directory`);
  }
  if (format.version > formatVersion) {
    return err(
      `${path} has data format ${format.version}, this sampan knows up to ${formatVersion}; ` +
        `start the newer version that wrote it (${format.createdBy} or later), ${another}`,
    );
  }
  return ok("known");
}

function parseFormat(text: string): { version: number; createdBy: string } | null {
  try {
    const { format, version, createdBy } = JSON.parse(text);
    if (format !== "sampan-data" || !Number.isSafeInteger(version) || version < 1) return null;
    return { version, createdBy: String(createdBy) };
  } catch {
    return null;
  }
}

/** What an interrupted creation leaves, and what a fresh ext4 volume has of its own. */
function isExpected(entry: string): boolean {
  return /^(kv|blobs|lost\+found|FORMAT\.new|LOCK(\..*)?)$/.test(entry);
}

/** Keeps us from settling into somebody's home directory. */
async function foreignEntry(path: string): Promise<string | null> {
  const foreign = (await readdir(path)).find((entry) => !isExpected(entry));
  if (foreign !== undefined) return occupied(path, foreign);
  for (const directory of ["kv", "blobs"]) {
    const [inside] = await readdirOrEmpty(join(path, directory));
    if (inside !== undefined) return occupied(path, `${directory}/${inside}`);
  }
  return null;
}

function occupied(path: string, entry: string): string {
  return (
    `${path} holds ${entry} but no FORMAT file, so it is no data directory of Sampan; ` +
    "choose an empty or new one with --data"
  );
}

async function missingEntry(path: string): Promise<string | null> {
  const entries = await readdir(path);
  const missing = ["kv", "blobs"].find((directory) => !entries.includes(directory));
  if (missing === undefined) return null;
  const place = join(path, missing);
  return `${place} is missing, its data with it; is a disk not mounted? Put it back first`;
}

function explain(path: string, error: unknown): string {
  switch (errorCode(error)) {
    case "ENOENT":
      return `the directory above ${path} does not exist; make it, ${another}`;
    case "ENOTDIR":
    case "EEXIST":
      return `${path} is, or lies in, something that is no directory; choose another with --data`;
    case "EACCES":
    case "EPERM":
      return (
        `${path} may not be read and written by this user (uid ${process.getuid?.()}); ` +
        `change its owner, ${another}`
      );
    case "EROFS":
      return `${path} lies on a read-only filesystem; choose another with --data`;
    case "ENOSPC":
    case "EDQUOT":
      return `${path} lies on a full disk; free some space, ${another}`;
    default:
      return `${path} cannot be used: ${errorMessage(error)}`;
  }
}

async function readOrNull(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

async function readdirOrEmpty(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
