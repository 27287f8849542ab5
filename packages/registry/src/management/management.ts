// The management API (/api/v2.0, /service/token), beside /v2/ on the same listener: fastify routes
// and checks what comes in, the tables in this folder say what there is.

import type { IncomingMessage, ServerResponse } from "node:http";
import { type Env, errorCode, errorMessage } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { fastify } from "fastify";
import type { Auth, Identity } from "../auth/auth.ts";
import { isCrossSite } from "../distribution/http/cross-site.ts";
import { clientAddressOf } from "../distribution/http/forwarding.ts";
import { createOriginOf } from "../distribution/http/origin.ts";
import type { StoreCheck } from "../jobs/check.ts";
import { authFailed, failed, unauthorized } from "./failure.ts";
import type { Access, ApiReply, Context, Route } from "./route.ts";
import { routes } from "./routes.ts";

export interface Management {
  /** Resolves when the routes are compiled; before that `routing` must not be called. */
  ready(): Promise<void>;
  /** Serves one request; answers 404 in Harbor's form where it knows no route. */
  routing(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

export interface ManagementOptions {
  /** Product version, for systeminfo. */
  readonly version: string;
  /** Under which clients reach us, when it is known; else it is read from each request. */
  readonly externalUrl: string | null;
  /** What nothing refers to is kept for so many milliseconds. */
  readonly graceMs: number;
}

/** No request of this API is larger. Bytes. */
const bodyBytesMax = 1024 * 1024;
/** Of one part of a path. */
const paramCharsMax = 1024;

export function createManagement(
  env: Env,
  deps: { readonly store: Store; readonly auth: Auth; readonly check: StoreCheck },
  options: ManagementOptions,
): Management {
  const context: Context = {
    env,
    ...deps,
    originOf: createOriginOf(options.externalUrl),
    version: options.version,
    graceMs: options.graceMs,
  };
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    routerOptions: { maxParamLength: paramCharsMax },
    requestIdHeader: "x-request-id",
    genReqId: () => env.random.uuid(),
    exposeHeadRoutes: false,
  });
  // Forms and text/plain are what another site's page can send without the browser asking us.
  app.removeContentTypeParser("text/plain");
  app.addHook("onRequest", async (request, reply) =>
    isCrossSite(request.method, request.headers, context.originOf)
      ? send(reply, failed("forbidden", "a page of another site may not change anything here"))
      : undefined,
  );
  app.setNotFoundHandler((_request, reply) =>
    send(reply, failed("not-found", "there is nothing at this path")),
  );
  app.setErrorHandler((error, request, reply) => send(reply, failureOf(env, error, request)));
  for (const route of routes.filter(({ takesForm }) => takesForm !== true)) {
    addRoute(app, context, route);
  }
  app.register(async (forms) => {
    addFormParser(forms);
    for (const route of routes.filter(({ takesForm }) => takesForm === true)) {
      addRoute(forms, context, route);
    }
  });
  for (const path of new Set(routes.map((route) => route.path))) refuseOtherMethods(app, path);
  return {
    ready: async () => {
      await app.ready();
    },
    routing: (request, response) => app.routing(request, response),
    close: () => app.close(),
  };
}

function addFormParser(app: FastifyInstance): void {
  app.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string" },
    (_request, body, done) => done(null, formOf(String(body))),
  );
}

/** A parameter that comes several times is a list. */
function formOf(body: string): Record<string, string | string[]> {
  const form = new URLSearchParams(body);
  const entries = [...new Set(form.keys())].map((name) => {
    const values = form.getAll(name);
    return [name, values.length === 1 ? (values[0] ?? "") : values] as const;
  });
  return Object.fromEntries(entries);
}

function addRoute(app: FastifyInstance, context: Context, route: Route): void {
  const { params, query, body } = route.schema;
  app.route({
    method: route.method,
    url: route.path,
    schema: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { querystring: query }),
      ...(body === undefined ? {} : { body }),
    },
    handler: async (request, reply) => send(reply, await serve(context, route, request)),
  });
}

/** 405 and what is there (RFC 9110, section 15.5.6), before a body or a login is looked at. */
function refuseOtherMethods(app: FastifyInstance, path: string): void {
  const allowed: string[] = routes
    .filter((route) => route.path === path)
    .map((route) => route.method);
  const refused = (request: FastifyRequest): ApiReply =>
    failed("method-not-allowed", `${request.method} is not possible here`, {
      Allow: allowed.join(", "),
    });
  app.route({
    method: app.supportedMethods.filter((method) => !allowed.includes(method)),
    url: path,
    onRequest: async (request, reply) => send(reply, refused(request)),
    handler: async (request, reply) => send(reply, refused(request)),
  });
}

async function serve(context: Context, route: Route, request: FastifyRequest): Promise<ApiReply> {
  const identified = await identify(context, route.access, request);
  if ("status" in identified) return identified;
  return route.handle(context, {
    params: request.params,
    query: request.query,
    body: request.body,
    headers: request.headers,
    url: request.url,
    identity: identified,
    clientAddress: clientAddressOf(request.raw),
  });
}

async function identify(
  context: Context,
  access: Access,
  request: FastifyRequest,
): Promise<Identity | ApiReply> {
  if (access === "open") return { type: "anonymous" };
  const identified = await context.auth.identify({
    authorization: request.headers.authorization ?? null,
    clientAddress: clientAddressOf(request.raw),
  });
  if (!identified.ok) return authFailed(identified.error);
  const identity = identified.value;
  if (access === "anyone") return identity;
  if (identity.type !== "user") return unauthorized("log in first");
  if (access === "admin" && !identity.admin) return failed("forbidden", "only for administrators");
  return identity;
}

function send(reply: FastifyReply, answer: ApiReply): FastifyReply {
  reply.code(answer.status).header("X-Request-Id", reply.request.id);
  reply.header("X-Content-Type-Options", "nosniff");
  for (const [name, value] of Object.entries(answer.headers ?? {})) reply.header(name, value);
  if (answer.body === null) return reply.send();
  const isText = typeof answer.body === "string";
  reply.type(isText ? "text/plain; charset=utf-8" : "application/json; charset=utf-8");
  return reply.send(isText ? answer.body : JSON.stringify(answer.body));
}

// fastify's own errors carry a code and a status; anything else is ours and its words are for the
// log.
function failureOf(env: Env, error: unknown, request: FastifyRequest): ApiReply {
  const code = errorCode(error);
  if (code === "FST_ERR_VALIDATION") return failed("bad-request", errorMessage(error));
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return failed("too-large", "the body is too large");
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return failed("unsupported-media-type", "the body's Content-Type is not supported");
  }
  if (isClientError(error)) return failed("bad-request", errorMessage(error));
  env.log.error("a request failed", {
    method: request.method,
    path: request.url.split("?", 1)[0],
    request: request.id,
    error,
  });
  return failed("unknown", "something failed; the log says what");
}

function isClientError(error: unknown): boolean {
  if (typeof error !== "object" || error === null || !("statusCode" in error)) return false;
  const { statusCode } = error;
  return typeof statusCode === "number" && statusCode >= 400 && statusCode < 500;
}
