// The counts of /v2/. Label sets are made once, for there are as many as routes times statuses.
// hot path

import type { Labels, Metrics } from "@sampan/env";
import type { Reply } from "../reply.ts";

export interface RequestMetrics {
  /** The answer is out, with its body, or given up. */
  answered(path: string, method: string, status: number, ms: number): void;
  sent(reply: Reply): void;
}

/** Seconds. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

export function createRequestMetrics(metrics: Metrics): RequestMetrics {
  const requests = metrics.counter("sampan_registry_requests_total", {
    help: "Requests on /v2/; status 499: the client went away.",
    labels: ["path", "method", "status"],
  });
  const seconds = metrics.histogram("sampan_registry_request_seconds", {
    help: "From the head of a request to the end of its answer.",
    labels: ["path", "method"],
    buckets,
  });
  const sentBytes = metrics.counter("sampan_registry_sent_bytes_total", {
    help: "Bytes of blobs and manifests that were sent.",
  });
  const requestLabels = new Map<string, Map<number, Labels>>();
  const timeLabels = new Map<string, Labels>();

  function labelsOf(path: string, method: string, status: number): Labels {
    const key = method + path;
    let byStatus = requestLabels.get(key);
    if (byStatus === undefined) {
      byStatus = new Map();
      requestLabels.set(key, byStatus);
      timeLabels.set(key, { path, method });
    }
    let labels = byStatus.get(status);
    if (labels === undefined) {
      labels = { path, method, status: String(status) };
      byStatus.set(status, labels);
    }
    return labels;
  }

  return {
    answered(path, method, status, ms) {
      requests.add(1, labelsOf(path, method, status));
      seconds.observe(ms / 1000, timeLabels.get(method + path));
    },
    sent({ body }) {
      if (body === null) return;
      if (body.type === "bytes") sentBytes.add(body.bytes.byteLength);
      else sentBytes.add(body.type === "file" ? body.end - body.start : body.bytes);
    },
  };
}
