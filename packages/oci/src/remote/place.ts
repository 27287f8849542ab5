// Where a request goes: a registry, and a repository in it; and what right it needs there.

import type { RepositoryName } from "../model/index.ts";
import type { Exchange } from "./exchange.ts";

export interface RegistryPlace {
  readonly exchange: Exchange;
  readonly registry: URL;
}

export interface RepositoryPlace extends RegistryPlace {
  readonly name: RepositoryName;
}

/** `path` follows the name: `manifests/latest`. A parsed name needs no escaping. */
export function repositoryUrl(place: RepositoryPlace, path: string): URL {
  return new URL(`/v2/${place.name}/${path}`, place.registry);
}

export function repositoryScope(place: RepositoryPlace, actions: string): string {
  return `repository:${place.name}:${actions}`;
}
