// The admin port: metrics, health and a page of state, read only and without authentication, on
// loopback unless the operator says that the network is trusted.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { errorMessage } from "@sampan/env";
import type { NodeEnv } from "@sampan/env/node";
import { pathOf, takeOriginForm } from "@sampan/registry";
import { isLoopback } from "../config/config.ts";
import { type DebugSection, renderDebugPage } from "./debug-page.ts";
import { answerHealth, type Health } from "./health.ts";

export interface AdminServerDependencies {
  readonly health: Health;
  /** Called for each view of the page. */
  readonly debug: () => readonly DebugSection[];
  /** Called before metrics are rendered, for those that are looked at. */
  readonly refresh: () => Promise<void>;
}

export interface AdminServerOptions {
  /**
   * Answers only who calls it by a loopback name. Else a page in a browser on this machine could
   * read it through a name of its own that it points to 127.0.0.1 (DNS rebinding).
   */
  readonly loopbackOnly: boolean;
}

export function createAdminServer(
  env: NodeEnv,
  deps: AdminServerDependencies,
  options: AdminServerOptions,
): Server {
  return createServer((request, response) => {
    takeOriginForm(request);
    if (options.loopbackOnly && !namesLoopback(request.headers.host)) {
      send(response, { status: 403, text: "ask by a loopback name, such as 127.0.0.1\n" });
    } else if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      send(response, { status: 405, text: "the admin port is read only\n" });
    } else answer(env, deps, { request, response });
  });
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

function answer(env: NodeEnv, deps: AdminServerDependencies, exchange: Exchange): void {
  const { request, response } = exchange;
  if (answerHealth(deps.health, request, response)) return;
  const path = pathOf(request);
  if (path === "/metrics") void sendMetrics(env, deps, response);
  else if (path === "/debug" || path === "/") {
    const html = renderDebugPage("sampan registry", deps.debug());
    send(response, { text: html, type: "text/html; charset=utf-8" });
  } else send(response, { status: 404, text: "known are /metrics /healthz /readyz /debug\n" });
}

async function sendMetrics(
  env: NodeEnv,
  deps: AdminServerDependencies,
  response: ServerResponse,
): Promise<void> {
  try {
    await deps.refresh();
    send(response, { text: await env.renderMetrics(), type: env.metricsContentType });
  } catch (error) {
    env.log.error("metrics cannot be rendered", { error });
    send(response, { status: 500, text: `${errorMessage(error)}\n` });
  }
}

function namesLoopback(host: string | undefined): boolean {
  const name = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host ?? "");
  return isLoopback((name?.[1] ?? name?.[2] ?? "").toLowerCase());
}

interface Answer {
  readonly status?: number;
  readonly text: string;
  readonly type?: string;
}

function send(response: ServerResponse, { status = 200, text, type }: Answer): void {
  response.writeHead(status, {
    "content-type": type ?? "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(text);
}
