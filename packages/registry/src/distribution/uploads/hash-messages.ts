// What the main thread and a hashing worker say to each other. A stream's chunks are hashed in the
// order of the messages.

import type { DigestAlgorithm } from "@sampan/oci/model";

export type HashRequest =
  | { readonly type: "start"; readonly stream: number; readonly algorithm: DigestAlgorithm }
  /** Hashes the first `bytes` of the memory, which must not change until the answer. */
  | {
      readonly type: "update";
      readonly stream: number;
      readonly memory: SharedArrayBuffer;
      readonly bytes: number;
    }
  | { readonly type: "finish"; readonly stream: number }
  | { readonly type: "abandon"; readonly stream: number };

export type HashAnswer =
  | { readonly type: "updated"; readonly stream: number }
  | { readonly type: "finished"; readonly stream: number; readonly hex: string };
