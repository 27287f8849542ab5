// As much of the tar format (POSIX ustar) as an image layer in a test needs: files, folders and
// symbolic links with short names, all of them root's and of the same moment, so that equal input
// is equal bytes.

export type TarEntry =
  | {
      readonly type: "file";
      readonly path: string;
      readonly bytes: Uint8Array;
      readonly mode?: number;
    }
  | { readonly type: "folder"; readonly path: string }
  | { readonly type: "link"; readonly path: string; readonly target: string };

const blockBytes = 512;
const pathBytesMax = 100;

export function tarArchive(entries: readonly TarEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    parts.push(header(entry));
    if (entry.type === "file") parts.push(entry.bytes, padding(entry.bytes.length));
  }
  // Two blocks of zeros end an archive.
  parts.push(new Uint8Array(2 * blockBytes));
  return Buffer.concat(parts);
}

const typeFlags = { file: "0", link: "2", folder: "5" } as const;

function header(entry: TarEntry): Uint8Array {
  const block = Buffer.alloc(blockBytes);
  const path = entry.type === "folder" ? `${entry.path}/` : entry.path;
  if (Buffer.byteLength(path) > pathBytesMax)
    throw new RangeError(`path too long for tar: ${path}`);
  const mode = entry.type === "file" ? (entry.mode ?? 0o644) : 0o755;
  block.write(path, 0);
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108); // owner
  block.write(octal(0, 7), 116); // group
  block.write(octal(entry.type === "file" ? entry.bytes.length : 0, 11), 124);
  block.write(octal(0, 11), 136); // time of change
  block.write(typeFlags[entry.type], 156);
  if (entry.type === "link") block.write(entry.target, 157);
  block.write("ustar\0" + "00", 257);
  // The checksum is taken with its own field filled with spaces.
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function padding(bytes: number): Uint8Array {
  return new Uint8Array((blockBytes - (bytes % blockBytes)) % blockBytes);
}
