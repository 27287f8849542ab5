// What a write answers beside its own outcomes, and how a transaction's outcome becomes it.

/** The store could not settle the write: nothing was written (contended), or nobody knows. */
export type Unsettled = { readonly code: "contended" } | { readonly code: "undetermined" };
