// One request to a registry with all that surrounds it: credentials for the scope, the answer to a
// challenge, redirects to the storage behind a registry.

import type { Result } from "@sampan/env";
import { err, IoError, ok } from "@sampan/env";
import type { Authorization } from "./authorization.ts";
import type { RemoteFailure } from "./failure.ts";
import { readFailure } from "./failure.ts";
import type { HttpBody, HttpClient, HttpRequest, HttpResponse } from "./http-client.ts";

export interface RegistryRequest {
  readonly method: HttpRequest["method"];
  /** On the registry (`/v2/…`), or absolute where a registry gave a Location. */
  readonly url: URL;
  readonly scope: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  readonly signal?: AbortSignal | undefined;
  /** Of a write that it may be sent twice, should a connection break; reads always may. */
  readonly repeatable?: boolean;
  /** The statuses that mean success. Any other is a refusal, or throws. */
  readonly expect: readonly number[];
}

export type Exchange = (request: RegistryRequest) => Promise<Result<HttpResponse, RemoteFailure>>;

export interface ExchangeDeps {
  readonly http: HttpClient;
  readonly authorization: Authorization;
  readonly registry: URL;
}

const redirectsMax = 5;
const redirects: readonly number[] = [301, 302, 303, 307, 308];
const userAgent = "sampan";

export function createExchange(deps: ExchangeDeps): Exchange {
  const { http, authorization } = deps;
  return async (request) => {
    const { url, scope, signal } = request;
    // A Location may point at a host that is not the registry: it gets no credentials.
    const trusted = url.origin === deps.registry.origin;
    const known = trusted ? await authorization.header(scope, signal) : ok(null);
    if (!known.ok) return known;
    let response = await follow(http, request, known.value);
    if (response.status === 401 && trusted) {
      const wwwAuthenticate = response.header("www-authenticate");
      const better = await authorization.challenged({ wwwAuthenticate, scope, signal });
      if (!better.ok || (better.value !== null && better.value !== known.value)) {
        response.discard();
        if (!better.ok) return better;
        response = await follow(http, request, better.value);
      }
    }
    if (request.expect.includes(response.status)) return ok(response);
    return err(await readFailure(response, `${request.method} ${url.origin}${url.pathname}`));
  };
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
    repeatable: isRead(request) || request.repeatable === true,
    ...(request.body === undefined ? {} : { body: request.body }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  };
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
