// The one table that turns our words for what went wrong on /v2/ into status, code and message on
// the wire (OCI distribution-spec, "Error Codes"; the token challenge and 429 as Docker clients
// know them).

export interface WireError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export const distributionErrors = {
  "blob-unknown": { status: 404, code: "BLOB_UNKNOWN", message: "blob unknown to registry" },
  "upload-invalid": { status: 400, code: "BLOB_UPLOAD_INVALID", message: "blob upload invalid" },
  "upload-unknown": {
    status: 404,
    code: "BLOB_UPLOAD_UNKNOWN",
    message: "blob upload unknown to registry",
  },
  "chunk-out-of-order": {
    status: 416,
    code: "BLOB_UPLOAD_INVALID",
    message: "chunk does not start where the upload ends",
  },
  "digest-invalid": {
    status: 400,
    code: "DIGEST_INVALID",
    message: "not a digest; one is ALGORITHM:HEX in lower case, such as sha256 and 64 digits",
  },
  "digest-mismatch": {
    status: 400,
    code: "DIGEST_INVALID",
    message: "provided digest did not match uploaded content",
  },
  "digest-unsupported": {
    status: 400,
    code: "DIGEST_INVALID",
    message: "digest algorithm is not supported; sha256 and sha512 are",
  },
  "manifest-blob-unknown": {
    status: 404,
    code: "MANIFEST_BLOB_UNKNOWN",
    message: "manifest references a manifest or blob unknown to registry",
  },
  "manifest-invalid": { status: 400, code: "MANIFEST_INVALID", message: "manifest invalid" },
  "manifest-too-large": { status: 413, code: "MANIFEST_INVALID", message: "manifest too large" },
  // MANIFEST_INVALID rather than UNSUPPORTED: containers/image then offers another manifest format.
  "manifest-unsupported": {
    status: 400,
    code: "MANIFEST_INVALID",
    message: "manifests of this kind are not supported",
  },
  "manifest-unknown": {
    status: 404,
    code: "MANIFEST_UNKNOWN",
    message: "manifest unknown to registry",
  },
  "name-invalid": { status: 400, code: "NAME_INVALID", message: "invalid repository name" },
  "name-unknown": {
    status: 404,
    code: "NAME_UNKNOWN",
    message: "repository name not known to registry",
  },
  "tag-invalid": { status: 400, code: "MANIFEST_INVALID", message: "invalid tag" },
  "size-invalid": {
    status: 400,
    code: "SIZE_INVALID",
    message: "provided length did not match content length",
  },
  "range-unsatisfiable": {
    status: 416,
    code: "UNSUPPORTED",
    message: "requested range is outside the content",
  },
  "pagination-invalid": {
    status: 400,
    code: "PAGINATION_NUMBER_INVALID",
    message: "invalid number of results requested",
  },
  unauthorized: { status: 401, code: "UNAUTHORIZED", message: "authentication required" },
  denied: { status: 403, code: "DENIED", message: "requested access to the resource is denied" },
  unsupported: { status: 405, code: "UNSUPPORTED", message: "the operation is unsupported" },
  "too-many-requests": { status: 429, code: "TOOMANYREQUESTS", message: "too many requests" },
  unavailable: { status: 503, code: "UNAVAILABLE", message: "registry is not available right now" },
  unknown: { status: 500, code: "UNKNOWN", message: "unknown error" },
} as const satisfies Record<string, WireError>;

export type DistributionError = keyof typeof distributionErrors;

export interface ErrorEntry {
  readonly code: string;
  readonly message: string;
  readonly detail?: unknown;
}

/** Errors of one body that are read; a hostile server may send any number. */
const errorEntriesMax = 32;

/** The body of an answer: JSON. `message` is said instead of the table's sentence where given. */
export function errorBody(
  error: DistributionError,
  given: { readonly message?: string; readonly detail?: unknown } = {},
): string {
  const { code, message } = distributionErrors[error];
  const entry: ErrorEntry = {
    code,
    message: given.message ?? message,
    ...(given.detail === undefined ? {} : { detail: given.detail }),
  };
  return JSON.stringify({ errors: [entry] });
}

/** The errors in a body that some registry sent; empty when it is not such a body. */
export function parseErrorBody(text: string): ErrorEntry[] {
  const errors = readErrors(text);
  return errors.slice(0, errorEntriesMax).flatMap((entry: unknown) => {
    if (typeof entry !== "object" || entry === null || !("code" in entry)) return [];
    const message = "message" in entry ? entry.message : "";
    if (typeof entry.code !== "string") return [];
    const detail = "detail" in entry ? { detail: entry.detail } : {};
    return [{ code: entry.code, message: typeof message === "string" ? message : "", ...detail }];
  });
}

function readErrors(text: string): unknown[] {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null || !("errors" in body)) return [];
    return Array.isArray(body.errors) ? body.errors : [];
  } catch {
    return [];
  }
}
