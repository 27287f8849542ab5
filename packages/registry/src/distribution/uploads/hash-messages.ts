// What the main thread and a hashing worker say to each other. A stream's chunks are hashed in the
// order of the messages. Memory travels with them, there and back: it is moved, not copied, and not
// shared, for V8 copies into shared memory at half the speed.

import type { DigestAlgorithm } from "@sampan/oci/model";

export type HashRequest =
  | { readonly type: "start"; readonly stream: number; readonly algorithm: DigestAlgorithm }
  /** Hashes the first `bytes` of the memory. */
  | {
      readonly type: "update";
      readonly stream: number;
      readonly memory: ArrayBuffer;
      readonly bytes: number;
    }
  | { readonly type: "finish"; readonly stream: number }
  | { readonly type: "abandon"; readonly stream: number };

export type HashAnswer =
  | { readonly type: "updated"; readonly stream: number; readonly memory: ArrayBuffer }
  | { readonly type: "finished"; readonly stream: number; readonly hex: string };
