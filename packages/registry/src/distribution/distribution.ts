// The /v2/ face without a socket: a request in, a reply out. Finds the route, parses the name, asks
// whether the caller may, lets the handler answer, and turns what the world did into the wire's
// errors. // hot path

import { AssertionError, type Env, errorCode, errorMessage, IoError } from "@sampan/env";
import { StoreError } from "@sampan/kv/txn";
import { parseRepositoryName } from "@sampan/oci/model";
import type { AuthFailure, Identity, Need, RepositoryAction } from "../auth/auth.ts";
import type { DistributionContext } from "./context.ts";
import { createMatcher, type Match } from "./matcher.ts";
import { diskFullReply, failureReply, type Reply, tryAgainReply } from "./reply.ts";
import type { DistributionRequest } from "./request.ts";
import { type RegistryRoute, type RepositoryNeed, type RepositoryRoute, routes } from "./routes.ts";

export interface Distribution {
  match(method: string, path: string): Match;
  /**
   * Fails only with what leaves nobody to answer (`aborted`, `stalled`) and with broken invariants.
   */
  answer(match: Match, request: DistributionRequest): Promise<Reply>;
}

const actions: Readonly<Record<RepositoryNeed, readonly RepositoryAction[]>> = {
  pull: ["pull"],
  push: ["pull", "push"],
  delete: ["delete"],
};
const versionNeed: Need = { type: "version" };
const catalogNeed: Need = { type: "catalog" };
/** Who calls where no one is asked. */
const anyone: Identity = { type: "anonymous" };

export function createDistribution(context: DistributionContext): Distribution {
  return {
    match: createMatcher(routes),
    async answer(match: Match, request: DistributionRequest): Promise<Reply> {
      try {
        return await answerMatch(context, match, request);
      } catch (error) {
        return replyToFailure(context.env, request, error);
      }
    },
  };
}

function answerMatch(
  context: DistributionContext,
  match: Match,
  request: DistributionRequest,
): Reply | Promise<Reply> {
  switch (match.type) {
    case "no-path":
      return failureReply("name-unknown", { message: "there is nothing at this path" });
    case "bad-path":
      return failureReply("name-invalid", { message: "the path is not well encoded" });
    case "no-method":
      return failureReply("unsupported", { headers: ["Allow", match.allowed.join(", ")] });
    case "route": {
      const { route } = match;
      if (route.needs === "version" || route.needs === "catalog") {
        return answerRegistry(context, route as RegistryRoute, request);
      }
      return answerRepository(context, route as RepositoryRoute, { match, request });
    }
  }
}

async function answerRegistry(
  context: DistributionContext,
  route: RegistryRoute,
  request: DistributionRequest,
): Promise<Reply> {
  if (context.auth === null) return route.handle(context, request, anyone);
  const need = route.needs === "version" ? versionNeed : catalogNeed;
  const checked = await context.auth.check(callerOf(request), need);
  if (!checked.ok) return authFailure(checked.error);
  return route.handle(context, request, checked.value);
}

interface Found {
  readonly match: Match & { readonly type: "route" };
  readonly request: DistributionRequest;
}

async function answerRepository(
  context: DistributionContext,
  route: RepositoryRoute,
  found: Found,
): Promise<Reply> {
  const { request } = found;
  const { name, argument } = found.match;
  const parsed = parseRepositoryName(name);
  if (!parsed.ok) return failureReply(parsed.error, { detail: { name: name.slice(0, 255) } });
  const repository = parsed.value;
  if (context.auth === null) {
    return route.handle(context, { request, repository, argument, identity: anyone });
  }
  const need: Need = { type: "repository", repository, actions: actions[route.needs] };
  const checking = context.auth.check(callerOf(request), need);
  const checked = checking instanceof Promise ? await checking : checking;
  if (!checked.ok) return authFailure(checked.error);
  return route.handle(context, { request, repository, argument, identity: checked.value });
}

function callerOf(request: DistributionRequest) {
  const { headers, origin, clientAddress } = request;
  return { authorization: headers.authorization ?? null, clientAddress, origin };
}

function authFailure(failure: AuthFailure): Reply {
  const { code, message } = failure;
  switch (code) {
    case "unauthorized":
      return failureReply(code, { message, headers: ["WWW-Authenticate", failure.challenge] });
    case "denied":
      return failureReply(code, { message });
    case "unavailable":
      return tryAgainReply(message);
    case "too-many-requests": {
      const headers = ["Retry-After", String(failure.retryAfterS)];
      return failureReply(code, { message, headers });
    }
  }
}

/** The one place where failures of the world become answers. */
function replyToFailure(env: Env, request: DistributionRequest, error: unknown): Reply {
  if (error instanceof AssertionError) throw error;
  const code = error instanceof IoError ? errorCode(error) : null;
  if (code === "aborted" || code === "stalled") throw error;
  const fields = { method: request.method, path: request.path, error };
  if (error instanceof StoreError) {
    env.log.debug("the store turned a request away", { ...fields, code: error.code });
    return tryAgainReply("the registry's store is busy, try again");
  }
  if (code === "unavailable") {
    env.log.error(`a request could not be served now: ${errorMessage(error)}`, fields);
    return tryAgainReply("the registry's storage is busy or cannot be reached, try again");
  }
  if (code === "disk-full") {
    env.log.error("no space is left for blobs", fields);
    return diskFullReply();
  }
  env.log.error(`request failed: ${errorMessage(error)}`, fields);
  return code === "closed" ? tryAgainReply("the registry is stopping") : failureReply("unknown");
}
