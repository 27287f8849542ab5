// One request to a registry with all that surrounds it: credentials for the scope, the answer to a
// challenge, redirects to the storage behind a registry, patience with one that is busy.

import type { Env, Result } from "@sampan/env";
import { err, IoError, ok, unreachable } from "@sampan/env";
import type { Authorization } from "./authorization.ts";
import { parseRetryAfter } from "./challenge.ts";
import type { RemoteFailure } from "./failure.ts";
import { readFailure } from "./failure.ts";
import type { HttpBody, HttpClient, HttpRequest, HttpResponse } from "./http-client.ts";
import {
  backoffMs,
  isBrokenConnection,
  isPassingStatus,
  isRefusedConnection,
  retryWaitMsMax,
} from "./retries.ts";

export interface RegistryRequest {
  readonly method: HttpRequest["method"];
  /** On the registry (`/v2/…`), or absolute where a registry gave a Location. */
  readonly url: URL;
  readonly scope: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  readonly signal?: AbortSignal | undefined;
  /** Of a write that it may be sent twice; reads always may. */
  readonly repeatable?: boolean;
  /** The statuses that mean success. Any other is a refusal, or throws. */
  readonly expect: readonly number[];
}

export type Exchange = (request: RegistryRequest) => Promise<Result<HttpResponse, RemoteFailure>>;

export interface ExchangeDeps {
  readonly http: HttpClient;
  readonly authorization: Authorization;
  readonly registry: URL;
  /** Times that a request is sent again after an answer, or a break, that may pass. */
  readonly retriesMax: number;
}

const redirectsMax = 5;
const redirects: readonly number[] = [301, 302, 303, 307, 308];
const userAgent = "sampan";

export function createExchange(env: Env, deps: ExchangeDeps): Exchange {
  let answered = false;
  return async (request) => {
    for (let attempt = 0; ; attempt++) {
      const outcome = await attemptOf(deps, request);
      answered ||= outcome.type !== "broken";
      const again = attempt < deps.retriesMax && mayPass(request, outcome, answered);
      const patience = backoffMs(attempt, env.random.fraction());
      const waitMs = Math.max(patience, retryAfterMs(outcome));
      if (!again || waitMs > retryWaitMsMax) return await conclude(request, outcome);
      if (outcome.type === "response") outcome.response.discard();
      env.log.debug("request is sent again", { request: requestName(request), waitMs });
      await env.clock.sleep(waitMs, request.signal);
    }
  };
}

type Outcome =
  | { readonly type: "response"; readonly response: HttpResponse }
  /** Of the token service, or for want of a token: the request itself was not looked at. */
  | { readonly type: "unauthorized"; readonly failure: RemoteFailure }
  | { readonly type: "broken"; readonly error: unknown };

async function attemptOf(deps: ExchangeDeps, request: RegistryRequest): Promise<Outcome> {
  try {
    const sent = await sendOnce(deps, request);
    if (sent.ok) return { type: "response", response: sent.value };
    return { type: "unauthorized", failure: sent.error };
  } catch (error) {
    return { type: "broken", error };
  }
}

/**
 * Whether the same request may be answered otherwise in a while, and does no harm again. A registry
 * that never `answered` is more likely a wrong name than one that restarts.
 */
function mayPass(request: RegistryRequest, outcome: Outcome, answered: boolean): boolean {
  switch (outcome.type) {
    case "unauthorized":
      return isPassingStatus(outcome.failure.status);
    case "broken":
      if (answered && isRefusedConnection(outcome.error)) return true;
      return mayRepeat(request) && isBrokenConnection(outcome.error);
    case "response": {
      const { status } = outcome.response;
      // A request that came too early was not looked at, whatever it would do.
      return status === 429 || (isPassingStatus(status) && mayRepeat(request));
    }
    default:
      return unreachable(outcome);
  }
}

/** What the registry asks for; 0 when it does not. */
function retryAfterMs(outcome: Outcome): number {
  if (outcome.type === "broken") return 0;
  if (outcome.type === "unauthorized") return outcome.failure.retryAfterMs ?? 0;
  const { response } = outcome;
  return parseRetryAfter(response.header("retry-after"), response.header("date")) ?? 0;
}

async function conclude(
  request: RegistryRequest,
  outcome: Outcome,
): Promise<Result<HttpResponse, RemoteFailure>> {
  if (outcome.type === "broken") throw outcome.error;
  if (outcome.type === "unauthorized") return err(outcome.failure);
  const { response } = outcome;
  if (request.expect.includes(response.status)) return ok(response);
  return err(await readFailure(response, requestName(request)));
}

function requestName({ method, url }: RegistryRequest): string {
  return `${method} ${url.origin}${url.pathname}`;
}

/** With credentials, and once more with better ones where the registry asks for them. */
async function sendOnce(
  { http, authorization, registry }: ExchangeDeps,
  request: RegistryRequest,
): Promise<Result<HttpResponse, RemoteFailure>> {
  const { url, scope, signal } = request;
  // A Location may point at a host that is not the registry: it gets no credentials.
  const trusted = url.origin === registry.origin;
  const known = trusted ? await authorization.header(scope, signal) : ok(null);
  if (!known.ok) return known;
  const response = await follow(http, request, known.value);
  if (response.status !== 401 || !trusted) return ok(response);
  const wwwAuthenticate = response.header("www-authenticate");
  // Read before the token is fetched: an answer that nobody takes holds a connection, and the token
  // service may be behind the same few.
  const refusal = await readFailure(response, requestName(request));
  const sent = known.value;
  const better = await authorization.challenged({ wwwAuthenticate, scope, sent, signal });
  if (!better.ok) return better;
  if (better.value === null || better.value === sent) return err(refusal);
  return ok(await follow(http, request, better.value));
}

// Only reads are followed: a body that went out once is not sent to a second place unasked.
async function follow(
  http: HttpClient,
  request: RegistryRequest,
  authorization: string | null,
): Promise<HttpResponse> {
  let url = request.url;
  for (let count = 0; count <= redirectsMax; count++) {
    const response = await http.send(requestTo(url, request, authorization));
    const location = response.header("location");
    if (!isRead(request) || !redirects.includes(response.status) || location === null)
      return response;
    response.discard();
    url = redirectTarget(url, location);
  }
  throw new IoError("protocol", `more than ${redirectsMax} redirects from ${request.url.origin}`);
}

function requestTo(url: URL, request: RegistryRequest, authorization: string | null): HttpRequest {
  const sameOrigin = url.origin === request.url.origin;
  const secret = authorization !== null && sameOrigin ? { authorization } : {};
  return {
    method: request.method,
    url,
    headers: { "user-agent": userAgent, ...request.headers, ...secret },
    repeatable: mayRepeat(request),
    ...(request.body === undefined ? {} : { body: request.body }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  };
}

function mayRepeat(request: RegistryRequest): boolean {
  return isRead(request) || request.repeatable === true;
}

function isRead(request: RegistryRequest): boolean {
  return request.method === "GET" || request.method === "HEAD";
}

function redirectTarget(from: URL, location: string): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : null;
  const allowed = from.protocol === "https:" ? ["https:"] : ["https:", "http:"];
  if (target === null || !allowed.includes(target.protocol)) {
    throw new IoError("protocol", `${from.origin} redirects to an address that is not allowed`);
  }
  return target;
}
