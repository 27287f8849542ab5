// Reads the journal that model.c writes; the format is drawn in model.h.

export interface Change {
  readonly verb: "create" | "mkdir" | "rmdir" | "unlink" | "rename" | "link";
  /** The name that comes or goes; of `rename` and `link` the new one. */
  readonly path: string;
  /** The old name of `rename` and `link`. */
  readonly from: string | null;
  /** Number of the hard link that keeps the inode which lost its name. */
  readonly saved: string | null;
  failed: boolean;
  durable: boolean;
}

export interface FileState {
  readonly inode: number;
  durableSize: number;
  durableGeneration: number;
  readonly undos: Undo[];
}

/** Bytes that were overwritten or cut off: where they were, and where they are kept. */
export interface Undo {
  readonly generation: number;
  readonly offset: number;
  readonly length: number;
  readonly position: number;
}

export interface Journal {
  readonly changes: Change[];
  readonly files: Map<number, FileState>;
  /** Calls that wrote bytes, where the program ended by itself. */
  writes: number;
}

export function parseJournal(text: string): Journal {
  const journal: Journal = { changes: [], files: new Map(), writes: 0 };
  const lines = text.split("\n");
  // The last piece is empty, or a line that the kill cut off.
  for (const line of lines.slice(0, -1)) readLine(journal, line.split(" "));
  return journal;
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash);
}

function readLine(journal: Journal, words: readonly string[]): void {
  const [verb = "", first = "", second = "", third = "", fourth = "", fifth = ""] = words;
  const { changes } = journal;
  switch (verb) {
    case "create":
    case "mkdir":
    case "rmdir":
      changes.push(change(verb, { path: first }));
      return;
    case "unlink":
      changes.push(change(verb, { path: second, saved: first }));
      return;
    case "rename":
      changes.push(change(verb, { path: third, from: second, saved: first }));
      return;
    case "link":
      changes.push(change(verb, { path: second, from: first }));
      return;
    case "failed":
      markFailed(changes);
      return;
    case "syncdir":
      markDurable(changes.slice(0, Number(first)), decode(second));
      return;
    case "file":
      journal.files.set(Number(first), newState(Number(first), Number(second)));
      return;
    case "undo": {
      const [generation, offset, length, position] = [second, third, fourth, fifth].map(Number);
      stateOf(journal, first).undos.push({
        generation: generation ?? 0,
        offset: offset ?? 0,
        length: length ?? 0,
        position: position ?? 0,
      });
      return;
    }
    case "sync": {
      const state = stateOf(journal, first);
      state.durableGeneration = Number(second);
      state.durableSize = Number(third);
      return;
    }
    case "writes":
      journal.writes = Number(first);
      return;
    default:
      throw new Error(`the journal has an unknown line: ${words.join(" ")}`);
  }
}

function change(
  verb: Change["verb"],
  parts: { readonly path: string; readonly from?: string; readonly saved?: string },
): Change {
  return {
    verb,
    path: decode(parts.path),
    from: parts.from === undefined ? null : decode(parts.from),
    saved: parts.saved === undefined || parts.saved === "-" ? null : parts.saved,
    failed: false,
    durable: false,
  };
}

function markFailed(changes: readonly Change[]): void {
  const newest = changes.at(-1);
  if (newest !== undefined) newest.failed = true;
}

function markDurable(changes: readonly Change[], directory: string): void {
  for (const each of changes) {
    if (parentOf(each.path) === directory) each.durable = true;
  }
}

/** Generation 0 is written before the first sync: nothing of it is durable yet. */
function newState(inode: number, durableSize: number): FileState {
  return { inode, durableSize, durableGeneration: -1, undos: [] };
}

function stateOf(journal: Journal, inode: string): FileState {
  const state = journal.files.get(Number(inode));
  if (state === undefined) throw new Error(`the journal names inode ${inode} before its file line`);
  return state;
}

function decode(path: string): string {
  return path.replace(/%([0-9a-f]{2})/g, (_match, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
