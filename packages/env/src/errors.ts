// The second and third of our three kinds of error (the first, an expected outcome, is a value).

/** The world failed: a disk, a socket, an upstream. Caught once, at the edge. */
export class IoError extends Error {
  override readonly name = "IoError";
  /** A short stable word, such as `disk-full`, `corrupt`, `closed`. */
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** We are wrong: an invariant is broken. Never caught; the process restarts from its disk. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The `default` of a switch over a union: the compiler proves that it is not reached. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}

/** The code of a failure of Node or of ours (`ENOSPC`, `disk-full`), null when it has none. */
export function errorCode(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}

export function errorMessage(error: unknown): string {
  if (typeof error === "object" && error !== null && "message" in error) {
    return String(error.message);
  }
  return String(error);
}
