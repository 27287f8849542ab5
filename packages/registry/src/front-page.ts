// What a browser sees at `/` until there is a portal, and what answers where there is nothing.

import type { IncomingMessage, ServerResponse } from "node:http";
import { isRegistryHost } from "@sampan/oci/model";

export function sendFrontPage(request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD");
    sendJsonError(response, 405, "METHOD_NOT_ALLOWED", "only GET and HEAD here");
    return;
  }
  const host = request.headers.host ?? "";
  const body = Buffer.from(pageOf(isRegistryHost(host) ? host : "HOST:PORT"));
  response.writeHead(200, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": body.byteLength,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

export function sendNotFound(response: ServerResponse): void {
  sendJsonError(response, 404, "NOT_FOUND", "there is nothing at this path");
}

function sendJsonError(
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
): void {
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message }] }));
  response.writeHead(status, {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": body.byteLength,
    "X-Content-Type-Options": "nosniff",
  });
  response.end(body);
}

/** `host` is of the grammar of hosts, so it needs no escaping. */
function pageOf(host: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sampan</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 4rem auto }
  pre { background: #f3f3f3; padding: 1rem; overflow-x: auto }
</style>
<h1>Sampan</h1>
<p>A container registry. Push an image:</p>
<pre>docker login ${host}
docker tag IMAGE ${host}/library/IMAGE
docker push ${host}/library/IMAGE</pre>
<p>Its API: <code>/v2/</code> (OCI distribution) and <code>/api/v2.0/</code>.</p>
</html>
`;
}
