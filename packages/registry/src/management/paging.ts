// Pages as Harbor numbers them: `page` and `page_size`, the whole count in X-Total-Count,
// neighbours in Link. The count makes a list cost what it is long; the store's own lists go by
// cursor.

import type { XStatic } from "typebox/schema";
import type { ApiReply } from "./route.ts";

export const pageQuery = {
  page: { type: "integer", minimum: 1, default: 1 },
  page_size: { type: "integer", minimum: 1, maximum: 100, default: 10 },
  q: { type: "string", maxLength: 1024 },
  sort: { type: "string", maxLength: 255 },
} as const;

const pageSchema = {
  type: "object",
  required: ["page", "page_size"],
  properties: pageQuery,
} as const;

/** As it is after the defaults were filled in. */
export type PageQuery = XStatic<typeof pageSchema>;

/** What of a list is counted and sorted; a longer one shows its first so many. */
export const listedMax = 100_000;

export function pageOf<Item>(items: readonly Item[], query: PageQuery): readonly Item[] {
  const start = (query.page - 1) * query.page_size;
  return items.slice(start, start + query.page_size);
}

/** `body` is the page of a list that is `total` long. */
export function pagedReply(
  url: string,
  query: PageQuery,
  list: { readonly total: number; readonly body: readonly object[] },
): ApiReply {
  const links = [
    ...(query.page > 1 ? [linkTo(url, query.page - 1, "prev")] : []),
    ...(query.page * query.page_size < list.total ? [linkTo(url, query.page + 1, "next")] : []),
  ];
  const total = { "X-Total-Count": String(list.total) };
  const headers = links.length === 0 ? total : { ...total, Link: links.join(" , ") };
  return { status: 200, headers, body: list.body };
}

function linkTo(url: string, page: number, relation: "prev" | "next"): string {
  const [path = "", query = ""] = url.split("?", 2);
  const parameters = new URLSearchParams(query);
  parameters.set("page", String(page));
  return `<${path}?${parameters.toString()}>; rel="${relation}"`;
}
