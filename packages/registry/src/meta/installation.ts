// The first start writes the format's version, the user admin and the project library, in one
// transaction; every start reads the version and refuses a newer one.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { ProjectName } from "../core/project-name.ts";
import { formatKey, userKey } from "./keys.ts";
import type { Unsettled } from "./outcome.ts";
import { settle } from "./outcome.ts";
import { addProject } from "./projects.ts";
import { encodeUser, findUser } from "./users.ts";

/** Rises when the layout of keys changes so that an older program would do harm. */
export const formatVersion = 1;

export const adminName = "admin";
export const adminId = 1;
const libraryName = "library" as ProjectName;

export type FormatFailure = {
  readonly code: "format-newer";
  readonly found: number;
  readonly known: number;
};

/** True when the store holds a registry already, which this program may open. */
export async function isInstalled(store: Store): Promise<Result<boolean, FormatFailure>> {
  const snapshot = await store.snapshot();
  try {
    const value = await snapshot.get(formatKey());
    return value === null ? ok(false) : checkFormat(value);
  } finally {
    snapshot.release();
  }
}

function checkFormat(value: Uint8Array): Result<boolean, FormatFailure> {
  const found = value[0] ?? 0;
  if (found === formatVersion) return ok(true);
  return err({ code: "format-newer", found, known: formatVersion });
}

/**
 * Makes the registry in an empty store; `nowMs` is the wall clock's. False: it was there, or
 * another process was first.
 */
export function install(
  store: Store,
  options: { readonly adminPasswordHash: string; readonly nowMs: number },
): Promise<Result<boolean, FormatFailure | Unsettled>> {
  return settle(store, async (transaction, attempt) => {
    const value = await transaction.get(formatKey());
    if (value !== null) {
      const checked = checkFormat(value);
      if (!checked.ok || !attempt.mayBeDone) return checked.ok ? ok(false) : checked;
      // Was the undetermined commit ours, or another's? Each hash has its own salt.
      const admin = await findUser(transaction, adminName);
      return ok(admin?.passwordHash === options.adminPasswordHash);
    }
    const { nowMs } = options;
    transaction.put(formatKey(), Uint8Array.of(formatVersion));
    const admin = { id: adminId, name: adminName, admin: true, createdMs: nowMs, updatedMs: nowMs };
    const user = { ...admin, passwordHash: options.adminPasswordHash };
    transaction.put(userKey(adminName), encodeUser(user));
    await addProject(transaction, { name: libraryName, public: true, actor: adminName, nowMs });
    return ok(true);
  });
}
