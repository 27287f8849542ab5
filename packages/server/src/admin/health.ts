// Whether the process lives (/healthz) and takes work (/readyz). Both ports answer it the same way.

import type { IncomingMessage, ServerResponse } from "node:http";
import { pathOf } from "@sampan/registry";

export type Phase =
  | "starting"
  | "ready"
  /** The store refuses writes since the disk failed; only a new start helps. */
  | "failed"
  | "stopping";

export interface Health {
  /** Asked for each question. */
  phase(): Phase;
}

/** False: the request is no question of health, and nothing was answered. */
export function answerHealth(
  health: Health,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const path = pathOf(request);
  if (path === "/healthz") {
    const failed = health.phase() === "failed";
    answer(response, failed ? 503 : 200, failed ? "failed" : "ok");
  } else if (path === "/readyz") {
    const phase = health.phase();
    answer(response, phase === "ready" ? 200 : 503, phase);
  } else return false;
  return true;
}

function answer(response: ServerResponse, status: number, word: string): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": word.length + 1,
    "cache-control": "no-store",
  });
  response.end(`${word}\n`);
}
