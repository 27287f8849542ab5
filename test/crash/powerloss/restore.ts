// Takes a directory back to what its disk might hold after a power failure: what was synced is
// there, of what was not a seed decides. Works after the program was killed, from the journal of
// model.c.
//
// Names: in each directory the changes that no fsync of it covers stay up to some point and are
// undone behind it, newest first over the whole tree. Bytes: of each file the sectors that differ
// from its durable image are new, old, or (beyond its durable end) zero, or not there at all.

import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Random } from "@sampan/env";
import { type Change, type FileState, type Journal, parentOf, parseJournal } from "./journal.ts";
import type { PowerLossPlace } from "./library.ts";

/** What becomes of a file's bytes that no sync covers. */
export type Fate = "nothing" | "all" | "prefix" | "torn";

export interface Choice {
  /** How many of a directory's pending changes of names stay, 0 to `pending`. */
  keepChanges(pending: number): number;
  fate(): Fate;
  readonly random: Random;
}

export interface RestoreReport {
  readonly changesUndone: number;
  readonly changesKept: number;
  readonly filesChanged: number;
}

const sectorBytes = 512;

/** One fate for all, the hardest one, in two of five rounds; each its own in the others. */
export function seededChoice(random: Random): Choice {
  const fates: readonly Fate[] = ["nothing", "all", "prefix", "torn"];
  const isNothing = random.int(5) < 2;
  return {
    keepChanges: (pending) => {
      const draw = random.int(4);
      if (isNothing || draw === 0) return 0;
      return draw === 1 ? pending : random.int(pending + 1);
    },
    fate: () => (isNothing ? "nothing" : (fates[random.int(fates.length)] ?? "nothing")),
    random,
  };
}

/** Before the program starts: all that lies in the root is durable. Makes the shadow if need be. */
export function preparePowerLoss(place: PowerLossPlace): void {
  rmSync(place.shadow, { recursive: true, force: true });
  mkdirSync(join(place.shadow, "saved"), { recursive: true });
  const entries = listTree(place.root);
  writeFileSync(join(place.shadow, "base"), JSON.stringify(entries));
}

/** After the program was killed. Throws when it changed files by a way that the library did not see. */
export function restorePowerLoss(place: PowerLossPlace, choice: Choice): RestoreReport {
  const refused = join(place.shadow, "unsupported");
  if (existsSync(refused)) throw new Error(readFileSync(refused, "utf8").trim());
  const journalFile = join(place.shadow, "journal");
  const text = existsSync(journalFile) ? readFileSync(journalFile, "utf8") : "";
  const journal = parseJournal(text);
  noteUnfinishedCreate(place, journal);
  assertAllSeen(place, journal);

  const undone = chooseUndone(journal.changes, choice);
  for (const change of [...undone].reverse()) undoChange(place, change);
  const pending = journal.changes.filter(isPending).length;

  let filesChanged = 0;
  for (const entry of listTree(place.root)) {
    const state = journal.files.get(entry.inode);
    if (entry.isDirectory || state === undefined) continue;
    if (settleFile(place, entry.path, { state, choice })) filesChanged += 1;
  }
  preparePowerLoss(place);
  return { changesUndone: undone.length, changesKept: pending - undone.length, filesChanged };
}

interface TreeEntry {
  readonly path: string;
  readonly isDirectory: boolean;
  readonly inode: number;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** All names below the root, parents first. */
function listTree(root: string, directory = ""): TreeEntry[] {
  const names = readdirSync(join(root, directory)).sort();
  return names.flatMap((name) => {
    const path = directory === "" ? name : `${directory}/${name}`;
    const stat = lstatSync(join(root, path));
    const entry = {
      path,
      isDirectory: stat.isDirectory(),
      inode: stat.ino,
      bytes: stat.size,
      modifiedMs: stat.mtimeMs,
    };
    return entry.isDirectory ? [entry, ...listTree(root, path)] : [entry];
  });
}

/** A file is created before its inode is known: the kill may have come between the two lines. */
function noteUnfinishedCreate(place: PowerLossPlace, journal: Journal): void {
  const newest = journal.changes.at(-1);
  if (newest?.verb !== "create") return;
  const path = join(place.root, newest.path);
  if (!existsSync(path)) return;
  const inode = lstatSync(path).ino;
  if (journal.files.has(inode)) return;
  journal.files.set(inode, { inode, durableSize: 0, durableGeneration: -1, undos: [] });
}

/** Every name and every file that is new or different must be explained by the journal. */
function assertAllSeen(place: PowerLossPlace, journal: Journal): void {
  const base: TreeEntry[] = JSON.parse(readFileSync(join(place.shadow, "base"), "utf8"));
  const before = new Map(base.map((entry) => [entry.inode, entry]));
  const names = new Set(base.map((entry) => entry.path));
  const newest = journal.changes.at(-1);
  for (const change of journal.changes) applyToNames(names, change);
  const loose = new Set([newest?.path, newest?.from]);
  for (const entry of listTree(place.root)) {
    const isExpected = names.delete(entry.path) || loose.has(entry.path);
    if (!isExpected) throw new Error(`${entry.path} appeared unseen by the power-loss library`);
    const known = before.get(entry.inode);
    const isSame = known?.bytes === entry.bytes && known.modifiedMs === entry.modifiedMs;
    if (!entry.isDirectory && !isSame && !journal.files.has(entry.inode)) {
      throw new Error(`${entry.path} was written unseen by the power-loss library`);
    }
  }
  for (const path of names) {
    if (loose.has(path)) continue;
    throw new Error(`${path} went away unseen by the power-loss library`);
  }
}

function applyToNames(names: Set<string>, change: Change): void {
  if (change.failed) return;
  const isRemoval = change.verb === "unlink" || change.verb === "rmdir";
  if (isRemoval) names.delete(change.path);
  else names.add(change.path);
  if (change.verb === "rename" && change.from !== null) names.delete(change.from);
}

function isPending(change: Change): boolean {
  return !change.failed && !change.durable;
}

/** In the order of the journal: of each directory's pending changes those behind its cut. */
function chooseUndone(changes: readonly Change[], choice: Choice): Change[] {
  const byDirectory = new Map<string, Change[]>();
  for (const change of changes.filter(isPending)) {
    const directory = parentOf(change.path);
    byDirectory.set(directory, [...(byDirectory.get(directory) ?? []), change]);
  }
  const undone = new Set<Change>();
  for (const pending of byDirectory.values()) {
    const kept = choice.keepChanges(pending.length);
    for (const change of pending.slice(kept)) undone.add(change);
  }
  return changes.filter((change) => undone.has(change));
}

/** The newest change of all may not have been made; then there is nothing to undo. */
function undoChange(place: PowerLossPlace, change: Change): void {
  const path = join(place.root, change.path);
  switch (change.verb) {
    case "create":
    case "mkdir":
    case "link":
      rmSync(path, { recursive: true, force: true });
      return;
    case "rmdir":
      mkdirSync(path, { recursive: true });
      return;
    case "unlink":
      linkSaved(place, change);
      return;
    case "rename": {
      const from = join(place.root, change.from ?? "");
      if (existsSync(from)) return;
      renameSync(path, from);
      linkSaved(place, change);
      return;
    }
    default:
      throw new Error(`cannot undo ${JSON.stringify(change)}`);
  }
}

function linkSaved(place: PowerLossPlace, change: Change): void {
  const path = join(place.root, change.path);
  if (change.saved === null || existsSync(path)) return;
  linkSync(join(place.shadow, "saved", change.saved), path);
}

/** Whether anything of the file is different now. */
function settleFile(
  place: PowerLossPlace,
  path: string,
  how: { readonly state: FileState; readonly choice: Choice },
): boolean {
  const { state, choice } = how;
  const file = openSync(join(place.root, path), "r+");
  try {
    const current = fstatSync(file).size;
    const undos = state.undos.filter((undo) => undo.generation > state.durableGeneration);
    if (undos.length === 0 && current === state.durableSize) return false;
    const fate = choice.fate();
    if (fate === "all") return false;
    const offsets = undos.map((undo) => undo.offset);
    const lowest = Math.min(state.durableSize, current, ...offsets);
    const start = lowest - (lowest % sectorBytes);
    const now = readRange(file, start, current);
    const old = oldImage(place, now, { state: { ...state, undos }, start });
    const image = mix(now, old, { start, fate, random: choice.random });
    ftruncateSync(file, start);
    writeRange(file, image, start);
    return true;
  } finally {
    closeSync(file);
  }
}

/** The durable image from `start` on: what is there now with everything undone, newest first. */
function oldImage(
  place: PowerLossPlace,
  now: Buffer,
  from: { readonly state: FileState; readonly start: number },
): Buffer {
  const { state, start } = from;
  const ends = state.undos.map((undo) => undo.offset + undo.length);
  const image = Buffer.alloc(Math.max(start + now.length, state.durableSize, ...ends) - start);
  now.copy(image);
  const kept = openSync(join(place.shadow, "undo"), "r");
  try {
    for (const undo of [...state.undos].reverse()) {
      readSync(kept, image, undo.offset - start, undo.length, undo.position);
    }
  } finally {
    closeSync(kept);
  }
  return image.subarray(0, state.durableSize - start);
}

interface Mixing {
  readonly start: number;
  readonly fate: Fate;
  readonly random: Random;
}

/** Sector by sector the new bytes or the old ones; where there are no old ones, zeros. */
function mix(now: Buffer, old: Buffer, how: Mixing): Buffer {
  if (how.fate === "nothing" || now.length < old.length) return old;
  const sectors = Math.ceil(now.length / sectorBytes);
  if (how.fate === "prefix") {
    const end = how.random.int(now.length + 1);
    const image = Buffer.alloc(Math.max(end, old.length));
    old.copy(image);
    now.copy(image, 0, 0, end);
    return image;
  }
  const image = Buffer.alloc(now.length);
  for (let sector = 0; sector < sectors; sector += 1) {
    const start = sector * sectorBytes;
    const source = how.random.int(2) === 0 ? now : old;
    image.set(source.subarray(start, start + sectorBytes), start);
  }
  return image;
}

function readRange(file: number, start: number, end: number): Buffer {
  const bytes = Buffer.alloc(Math.max(end - start, 0));
  const read = readSync(file, bytes, 0, bytes.length, start);
  return bytes.subarray(0, read);
}

function writeRange(file: number, bytes: Buffer, start: number): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(file, bytes, written, bytes.length - written, start + written);
  }
}
