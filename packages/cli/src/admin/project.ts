// `sampan project create` and `sampan project list`.

import type { ApiProject, ApiProjectRequest } from "@sampan/registry/schema";
import type { Command } from "commander";
import { CommandFailure } from "../failure.ts";
import { printJson, printTable } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { connect, type ServerClient, type ServerOptions } from "./server-client.ts";
import { addServerOptions, loginHelp } from "./server-options.ts";

const projectsPath = "/api/v2.0/projects";
/** The most that Harbor gives. */
const pageSize = 100;
/** A server that never stops giving pages is broken. */
const pagesMax = 10_000;

export function addProject(program: Command, terminal: Terminal): void {
  const project = program
    .command("project")
    .summary("create and list projects")
    .description("Projects hold repositories; who may pull and push is decided on them.");

  const createCommand = project
    .command("create")
    .argument("<NAME>", "the first part of its images' names: NAME/app:1.0")
    .summary("create a project")
    .description("Create a project. Only administrators may pull from it, unless it is public.")
    .option("--public", "anybody may pull")
    .addHelpText("after", `${loginHelp}${createExamples}`)
    .action((name, options) => create(terminal, name, options));
  addServerOptions(createCommand);

  const listCommand = project
    .command("list")
    .summary("list projects")
    .description("List the projects that you may see; without login the public ones.")
    .addHelpText("after", `${loginHelp}${listExamples}`)
    .action((options) => list(terminal, options));
  addServerOptions(listCommand);
}

const createExamples = `
Examples:
  SAMPAN_PASSWORD=… sampan project create team-a
  sampan project create base --public --password-stdin < password.txt`;

const listExamples = `
Examples:
  sampan project list
  sampan project list --json | jq -r '.[].name'`;

interface CreateOptions extends ServerOptions {
  readonly public?: boolean;
}

async function create(terminal: Terminal, name: string, options: CreateOptions): Promise<void> {
  const server = await connect(terminal, options);
  const isPublic = options.public === true;
  const project: ApiProjectRequest = {
    project_name: name,
    metadata: { public: String(isPublic) },
  };
  await server.demand("POST", projectsPath, project);
  if (options.json === true) {
    printJson(terminal, { name, public: isPublic });
    return;
  }
  const host = new URL(server.url).host;
  terminal.out(`created ${isPublic ? "public" : "private"} project ${name}\n`);
  terminal.out(`push to ${host}/${name}/IMAGE:TAG\n`);
}

async function list(terminal: Terminal, options: ServerOptions): Promise<void> {
  const server = await connect(terminal, options);
  const projects = await listAll(server);
  if (options.json === true) {
    printJson(terminal, projects);
    return;
  }
  if (projects.length === 0) {
    // Not among the results: whoever counts lines must not count this one.
    terminal.err(
      `sampan: no projects at ${server.url} that ${server.user ?? "anonymous"} may see\n`,
    );
    return;
  }
  await printTable(
    terminal,
    ["NAME", "ACCESS", "REPOSITORIES", "CREATED"],
    projects.map(({ name, public: isPublic, repositories, created }) => [
      name,
      isPublic ? "public" : "private",
      String(repositories ?? "-"),
      wholeSeconds(created),
    ]),
  );
}

/** People do not ask for milliseconds; programs have them in the JSON. */
function wholeSeconds(time: string): string {
  return time.replace(/\.\d+Z$/, "Z");
}

interface ListedProject {
  readonly name: string;
  readonly public: boolean;
  /** Null where the server does not say. */
  readonly repositories: number | null;
  /** ISO 8601. */
  readonly created: string;
}

async function listAll(server: ServerClient): Promise<ListedProject[]> {
  const all: ListedProject[] = [];
  for (let page = 1; page <= pagesMax; page += 1) {
    const path = `${projectsPath}?page=${page}&page_size=${pageSize}`;
    const { body } = await server.demand("GET", path);
    if (!Array.isArray(body)) throw new CommandFailure(`${server.url} gave no list of projects`);
    all.push(...body.map(readProject));
    if (body.length < pageSize) break;
  }
  return all;
}

/** A server of another make may leave something out. */
function readProject(project: Partial<ApiProject>): ListedProject {
  return {
    name: String(project.name),
    public: project.metadata?.public === "true",
    repositories: project.repo_count ?? null,
    created: String(project.creation_time),
  };
}
