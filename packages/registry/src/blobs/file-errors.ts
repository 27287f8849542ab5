// What the filesystem says, in the words of the blob stores' contract.

import { errorCode, errorMessage, IoError } from "@sampan/env";

export async function absentAsNull<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

export async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ioError(what, error);
  }
}

export function ioError(what: string, error: unknown): IoError {
  if (error instanceof IoError) return error;
  const code = errorCode(error);
  const message = `${what}: ${errorMessage(error)}`;
  if (code === "ENOSPC" || code === "EDQUOT") return new IoError("disk-full", message, error);
  if (code === "ENOENT") return new IoError("not-found", message, error);
  return new IoError("io", message, error);
}
