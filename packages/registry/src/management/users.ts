// The caller's own account: /api/v2.0/users.

import type { XStatic } from "typebox/schema";
import { findUser } from "../meta/users.ts";
import type { ApiPasswordRequest, ApiUser } from "../schema.ts";
import { passwordRequestSchema } from "../schema.ts";
import { failed, unauthorized, unsettled } from "./failure.ts";
import type { ApiReply, ApiRequest, Context, Route } from "./route.ts";
import { read, reply } from "./route.ts";
import { isoTime } from "./system.ts";

const userParams = {
  type: "object",
  required: ["user"],
  properties: { user: { type: "integer", minimum: 1 } },
} as const;

export const userRoutes: readonly Route[] = [
  { method: "GET", path: "/api/v2.0/users/current", access: "user", schema: {}, handle: current },
  {
    method: "PUT",
    path: "/api/v2.0/users/:user/password",
    access: "user",
    schema: { params: userParams, body: passwordRequestSchema },
    handle: changePassword,
  },
];

async function current(context: Context, { identity }: ApiRequest): Promise<ApiReply> {
  if (identity.type !== "user") return unauthorized("log in first");
  const user = await read(context, (reader) => findUser(reader, identity.name));
  if (user === null) return failed("not-found", "this user is gone");
  const body: ApiUser = {
    user_id: user.id,
    username: user.name,
    sysadmin_flag: user.admin,
    admin_role_in_auth: false,
    creation_time: isoTime(user.createdMs),
    update_time: isoTime(user.updatedMs),
  };
  return reply(200, body);
}

async function changePassword(
  context: Context,
  request: ApiRequest<XStatic<typeof userParams>, unknown, ApiPasswordRequest>,
): Promise<ApiReply> {
  const { identity, params, body } = request;
  if (identity.type !== "user" || identity.id !== params.user) {
    return failed("forbidden", "only one's own password can be changed");
  }
  const changed = await context.auth.changePassword({
    user: identity.name,
    oldPassword: body.old_password ?? "",
    newPassword: body.new_password,
    clientAddress: request.clientAddress,
    nowMs: context.env.clock.now(),
  });
  if (changed.ok) return reply(200, null);
  switch (changed.error.code) {
    case "wrong":
      return failed("forbidden", "the old password is wrong");
    case "password-weak":
      return failed("bad-request", changed.error.message);
    case "user-unknown":
      return failed("not-found", "this user is gone");
    case "too-many":
      return failed("too-many-requests", "too many logins; try again later", {
        "Retry-After": String(changed.error.retryAfterS),
      });
    default:
      return unsettled(changed.error);
  }
}
