// A client of the registry in one life.

import type { Distribution } from "../registry-client.ts";
import type { Client } from "../workload.ts";

export type RegistryClient = Client<Distribution>;
