// All routes of the management API.

import { auditRoutes } from "./audit.ts";
import { projectRoutes } from "./projects.ts";
import { repositoryRoutes } from "./repositories.ts";
import type { Route } from "./route.ts";
import { storageRoutes } from "./storage.ts";
import { systemRoutes } from "./system.ts";
import { tokenRoutes } from "./token.ts";
import { userRoutes } from "./users.ts";

export const routes: readonly Route[] = [
  ...systemRoutes,
  ...storageRoutes,
  ...tokenRoutes,
  ...projectRoutes,
  ...repositoryRoutes,
  ...userRoutes,
  ...auditRoutes,
];
