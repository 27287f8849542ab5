// The target of a request, as its first line has it (RFC 9112, section 3.2). Every face takes the
// path from here.

import type { IncomingMessage } from "node:http";

const absoluteForm = /^https?:\/\/([^/?#]*)(.*)$/is;

/**
 * Makes the origin form of the absolute one, which every server must take; its host then stands for
 * the Host header (section 3.2.2). Of any other target nothing changes.
 */
export function takeOriginForm(request: IncomingMessage): void {
  const { url } = request;
  if (url === undefined || url.startsWith("/")) return;
  const [, host, rest] = absoluteForm.exec(url) ?? [];
  if (host === undefined || rest === undefined) return;
  request.url = rest.startsWith("/") ? rest : `/${rest}`;
  request.headers.host = host;
}

/** Without the query. */
export function pathOf(request: IncomingMessage): string {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  return mark === -1 ? url : url.slice(0, mark);
}
