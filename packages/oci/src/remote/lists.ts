// What a registry lists: that it is there, its repositories, a repository's tags (OCI distribution-
// spec, end-1 and end-8; the catalog is distribution's).

import type { Result } from "@sampan/env";
import { IoError, ok } from "@sampan/env";
import type { RepositoryName, Tag } from "../model/index.ts";
import { parseRepositoryName, parseTag } from "../model/index.ts";
import { parseNextLink } from "./challenge.ts";
import type { RemoteFailure } from "./failure.ts";
import type { RegistryPlace, RepositoryPlace } from "./place.ts";
import { repositoryScope, repositoryUrl } from "./place.ts";
import type { ListOptions } from "./remote.ts";

const pageBytesMax = 16 * 1024 * 1024;
/** A registry that always names one page more is given up. */
const pagesMax = 10_000;

export async function ping(
  place: RegistryPlace,
  signal: AbortSignal | undefined,
): Promise<Result<null, RemoteFailure>> {
  const url = new URL("/v2/", place.registry);
  const answer = await place.exchange({ method: "GET", url, scope: "", signal, expect: [200] });
  if (!answer.ok) return answer;
  answer.value.discard();
  return ok(null);
}

export async function listRepositories(
  place: RegistryPlace,
  options: ListOptions,
): Promise<Result<RepositoryName[], RemoteFailure>> {
  return await readPages(place, options, {
    url: new URL("/v2/_catalog", place.registry),
    scope: "registry:catalog:*",
    field: "repositories",
    parse: parseRepositoryName,
  });
}

export async function listTags(
  place: RepositoryPlace,
  options: ListOptions,
): Promise<Result<Tag[], RemoteFailure>> {
  return await readPages(place, options, {
    url: repositoryUrl(place, "tags/list"),
    scope: repositoryScope(place, "pull"),
    field: "tags",
    parse: parseTag,
  });
}

interface List<Name> {
  readonly url: URL;
  readonly scope: string;
  readonly field: string;
  readonly parse: (text: string) => Result<Name, string>;
}

async function readPages<Name>(
  place: RegistryPlace,
  options: ListOptions,
  list: List<Name>,
): Promise<Result<Name[], RemoteFailure>> {
  const names: Name[] = [];
  let url = new URL(list.url);
  if (options.pageSize !== undefined) url.searchParams.set("n", `${options.pageSize}`);
  for (let page = 0; page < pagesMax; page++) {
    const { scope } = list;
    const { signal } = options;
    const answer = await place.exchange({ method: "GET", url, scope, signal, expect: [200] });
    if (!answer.ok) return answer;
    for (const name of readNames(await answer.value.bytes(pageBytesMax), list)) names.push(name);
    const next = parseNextLink(answer.value.header("link"));
    if (next === null) return ok(names);
    url = nextUrl(next, url);
  }
  throw new IoError("protocol", `a list of more than ${pagesMax} pages`);
}

export function nextUrl(next: string, current: URL): URL {
  const url = URL.canParse(next, current.href) ? new URL(next, current) : null;
  if (url === null || url.origin !== current.origin || url.href === current.href) {
    throw new IoError("protocol", "the registry names a next page that is none of its own");
  }
  return url;
}

function readNames<Name>(body: Uint8Array, list: List<Name>): Name[] {
  const texts = readField(body, list.field);
  return texts.map((text) => {
    const name = list.parse(text);
    if (name.ok) return name.value;
    throw new IoError("protocol", `the registry lists ${JSON.stringify(text)}: ${name.error}`);
  });
}

/** null, which distribution sends for a repository without tags, is an empty list. */
function readField(body: Uint8Array, field: string): string[] {
  const value = parseJson(body);
  const list = typeof value === "object" && value !== null ? Reflect.get(value, field) : undefined;
  if (list === null) return [];
  if (Array.isArray(list) && list.every((item) => typeof item === "string")) return list;
  throw new IoError("protocol", `the registry answered a list without ${field}`);
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch (error) {
    throw new IoError("protocol", "the registry answered a list that is no JSON", error);
  }
}
