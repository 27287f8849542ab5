// What S3 and the way to it say, in the words of the blob stores' contract.

import { errorCode, errorMessage, IoError } from "@sampan/env";

/** One question, one answer: what is not said is null. */
export interface S3Failure {
  /** S3's or the client's name of it: `NoSuchKey`, `SlowDown`, `CredentialsProviderError`. */
  readonly name: string;
  /** HTTP status; null: no answer came. */
  readonly status: number | null;
  readonly message: string;
}

export function readS3Failure(error: unknown): S3Failure {
  const name = stringOf(error, "name") ?? stringOf(error, "Code") ?? "Error";
  const system = errorCode(error);
  const text = errorMessage(error);
  return {
    name: name === "Error" || name === "AggregateError" ? (system ?? name) : name,
    status: statusOf(error),
    message: text === "" || text === name ? "" : text,
  };
}

/** `what` is `put blob ab/…`. Throttled and unreachable are `unavailable`: the client may retry. */
export function s3Error(what: string, error: unknown): IoError {
  if (error instanceof IoError) return error;
  const failure = readS3Failure(error);
  const said = failure.message === "" ? failure.name : `${failure.name}: ${failure.message}`;
  const { status } = failure;
  const who = status === null ? "S3 cannot be reached" : `S3 answered ${status}`;
  return new IoError(codeOf(failure), `${what}: ${who}: ${said}`, error);
}

/** Storage services each say it in their way; AWS is never full. */
const fullNames = ["QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "StorageFull"];

function codeOf({ name, status }: S3Failure): string {
  if (status === 404 && absentNames.includes(name)) return "not-found";
  if (status === 416) return "corrupt";
  if (status === 507 || fullNames.includes(name)) return "disk-full";
  if (status === null || status === 429 || status >= 500) return "unavailable";
  return "io";
}

/** A HEAD has no body, and so no name but that of its status. */
const absentNames = ["NoSuchKey", "NoSuchUpload", "NotFound"];

/** What was asked for is not there; of a bucket or a user that is not, nobody can say that. */
export function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && absentNames.includes(readS3Failure(error).name);
}

/** The service does not know this kind of request. */
export function isNotImplemented(error: unknown): boolean {
  return statusOf(error) === 501;
}

function statusOf(error: unknown): number | null {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return null;
  const metadata = error.$metadata;
  if (typeof metadata !== "object" || metadata === null) return null;
  if (!("httpStatusCode" in metadata)) return null;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : null;
}

function stringOf(error: unknown, field: string): string | null {
  if (typeof error !== "object" || error === null) return null;
  const value: unknown = Object.getOwnPropertyDescriptor(error, field)?.value;
  return typeof value === "string" ? value : null;
}
