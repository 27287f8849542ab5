// Push-pull: clients push images into a few repositories, pull them, move and delete tags and
// manifests. What the registry has answered is found again over all crashes, and nothing is ever
// seen torn.

import type { Clock, Env } from "@sampan/env";
import type { Digest } from "@sampan/oci/model";
import { type Distribution, send } from "../registry-client.ts";
import type { StepResult, Workload } from "../workload.ts";
import type { RegistryClient } from "./client.ts";
import { type Content, type Image, ImageMaker, manifestType } from "./images.ts";
import { isUnavailable, type Pulled, pullBlob, pullManifest, pullTag } from "./pull.ts";
import { became, mayBecome, type PushedManifest, Shelf, type Tag } from "./shelf.ts";
import { type BegunUpload, pushBlob, resumeUpload, type Uploaded } from "./upload.ts";

const repositories = ["library/a", "library/b", "library/c/d"];
const tagsPerClient = 3;
/** A client tries to push a blob so often before it gives the image up. */
const attemptsMax = 3;
/**
 * What was found there can be named for so long at least, whatever the collector does. (Its grace
 * time is the wall clock's, which may jump; this is what it keeps in any case.)
 */
const namedWithinMs = 10_000;
/** And so often in the end, when nothing stands in its way. */
const pushesMax = 20;

export class PushPull implements Workload<Distribution> {
  readonly name = "push-pull";
  readonly shelf = new Shelf();
  readonly #images: ImageMaker;
  readonly #problem: (text: string) => void;
  /** By client: what a crash has interrupted. */
  readonly #interrupted = new Map<number, BegunUpload>();

  readonly #clock: Clock;
  readonly #keepsUnnamed: boolean;

  constructor(
    { random, clock }: Env,
    problem: (text: string) => void,
    /** Is what no manifest came to name kept for as long as the simulation goes? */
    options: { readonly keepsUnnamed: boolean },
  ) {
    this.#images = new ImageMaker(random);
    this.#problem = problem;
    this.#clock = clock;
    this.#keepsUnnamed = options.keepsUnnamed;
  }

  async setUp(): Promise<void> {}

  async step(client: RegistryClient, isQuiet: boolean): Promise<StepResult> {
    if (isQuiet) return client.env.random.int(4) > 0 ? this.#pull(client) : this.#listTags(client);
    const interrupted = this.#interrupted.get(client.slot);
    if (interrupted !== undefined) return this.#resume(client, interrupted);
    const kind = client.env.random.int(20);
    if (kind < 8) return this.#pushImage(client);
    if (kind < 10) return this.#deleteTag(client);
    if (kind < 11) return this.#deleteManifest(client);
    if (kind < 13) return this.#listTags(client);
    return this.#pull(client);
  }

  async check(client: RegistryClient): Promise<readonly string[]> {
    const wrong: string[] = [];
    const note = (what: string, pulled: Pulled): void => {
      wrong.push(...pulled.wrong);
      if (pulled.outcome === "unavailable") wrong.push(`${what} is unavailable in the end`);
    };
    for (const tag of this.shelf.tags) {
      note(`${tag.repository}:${tag.name}`, await pullTag(client, this.shelf, tag));
    }
    for (const pushed of this.shelf.manifests) {
      note(pushed.image.manifest.digest, await pullManifest(client, pushed));
    }
    for (const repository of repositories) {
      for (const content of this.shelf.blobs(repository)) {
        const pulled = await pullBlob(client, repository, content);
        const mayBeGone = !this.#keepsUnnamed || this.shelf.isLoose(repository, content.digest);
        if (pulled.outcome !== "not there" || !mayBeGone) note(content.digest, pulled);
      }
    }
    return wrong.map((text) => `push-pull: ${text}`);
  }

  /** An image gets in, sooner or later. */
  async proveLive(client: RegistryClient): Promise<readonly string[]> {
    let last = "";
    for (let tries = 0; tries < pushesMax; tries += 1) {
      const { outcome } = await this.#pushImage(client);
      if (outcome === "201") return [];
      last = outcome;
      await client.env.clock.sleep(1_000);
    }
    return [`push-pull: no image gets in any more: ${last}`];
  }

  async #pushImage(client: RegistryClient): Promise<StepResult> {
    const operation = "push";
    const image = this.#images.make(client.env.random);
    const tag = this.#ownTag(client);
    const startedMs = this.#clock.monotonic();
    for (const content of [image.config, ...image.layers]) {
      const uploaded = await this.#pushBlob(client, tag.repository, content);
      if (uploaded !== "stored") return { operation, outcome: `blob ${uploaded.status}` };
    }
    const { digest } = image.manifest;
    const pushed = this.shelf.addManifest(tag.repository, image);
    mayBecome(tag, digest);
    const status = await putManifest(client, tag, image);
    if (status === 201) {
      // A deletion by digest of another tag's same manifest cannot be: each image is made once.
      pushed.state = "there";
      became(tag, digest);
    } else if (status < 500 && status !== 429 && this.#isWithin(startedMs)) {
      this.#problem(`push-pull: PUT of a manifest that has all its blobs: ${status}`);
    }
    return { operation, outcome: `${status}` };
  }

  #isWithin(startedMs: number): boolean {
    return this.#clock.monotonic() - startedMs < namedWithinMs;
  }

  async #pushBlob(client: RegistryClient, repository: string, content: Content): Promise<Uploaded> {
    const { random } = client.env;
    if (this.shelf.hasBlob(repository, content.digest) && random.int(3) > 0) {
      const pathAndQuery = `/v2/${repository}/blobs/${content.digest}`;
      if ((await send(client, { method: "HEAD", pathAndQuery })).status === 200) return "stored";
    }
    const other = repositories[random.int(repositories.length)] ?? repository;
    const isMount = this.shelf.hasBlob(other, content.digest) && random.int(2) === 0;
    const push = { repository, content, from: isMount ? other : null };
    let uploaded: Uploaded = { status: 0 };
    for (let attempt = 0; attempt < attemptsMax && uploaded !== "stored"; attempt += 1) {
      uploaded = await pushBlob(client, push, {
        begun: (upload) => this.#interrupted.set(client.slot, upload),
        ended: () => this.#interrupted.delete(client.slot),
      });
    }
    if (uploaded === "stored") this.shelf.addBlob(repository, content);
    return uploaded;
  }

  async #resume(client: RegistryClient, upload: BegunUpload): Promise<StepResult> {
    const ended = await resumeUpload(client, upload);
    const isOver = ended === "stored" || ended === "gone" || ended.status < 500;
    if (isOver) this.#interrupted.delete(client.slot);
    if (ended === "stored") this.shelf.addBlob(upload.repository, upload.content);
    const outcome = typeof ended === "string" ? ended : `${ended.status}`;
    return { operation: "resume an upload", outcome };
  }

  async #deleteTag(client: RegistryClient): Promise<StepResult> {
    const operation = "delete a tag";
    const tag = this.#ownTag(client);
    const mayBeNothing = tag.possible.has(null);
    mayBecome(tag, null);
    const pathAndQuery = `/v2/${tag.repository}/manifests/${tag.name}`;
    const answer = await send(client, { method: "DELETE", pathAndQuery });
    if (answer.status === 202) became(tag, null);
    else if (answer.status === 404 && !mayBeNothing) {
      this.#problem(`push-pull: ${tag.repository}:${tag.name} is gone before it was deleted`);
    }
    return { operation, outcome: `${answer.status}` };
  }

  /** Only of tags that this client writes; nobody else points tags at its images. */
  async #deleteManifest(client: RegistryClient): Promise<StepResult> {
    const operation = "delete a manifest";
    const tag = this.#ownTag(client);
    const [digest] = [...tag.possible].filter((possible) => possible !== null);
    const pushed = digest === undefined ? null : this.shelf.manifest(tag.repository, digest);
    if (pushed === null) return { operation, outcome: "nothing to delete" };
    const { repository, image } = pushed;
    const wasThere = pushed.state === "there";
    pushed.state = "maybe";
    this.shelf.loosen(repository, image);
    for (const other of this.#tagsOf(image.manifest.digest, repository)) mayBecome(other, null);
    const pathAndQuery = `/v2/${repository}/manifests/${image.manifest.digest}`;
    const answer = await send(client, { method: "DELETE", pathAndQuery });
    if (answer.status === 202) this.#forget(pushed);
    else if (answer.status === 404 && wasThere) {
      this.#problem(`push-pull: ${image.manifest.digest} is gone before it was deleted`);
    }
    return { operation, outcome: `${answer.status}` };
  }

  #forget(pushed: PushedManifest): void {
    const { digest } = pushed.image.manifest;
    pushed.state = "deleted";
    for (const tag of this.#tagsOf(digest, pushed.repository)) tag.possible.delete(digest);
  }

  async #listTags(client: RegistryClient): Promise<StepResult> {
    const operation = "list tags";
    const repository = this.#repository(client);
    const own = this.shelf.tags.filter(
      (tag) => tag.repository === repository && tag.name.startsWith(`client-${client.slot}-`),
    );
    const pathAndQuery = `/v2/${repository}/tags/list?n=1000`;
    const answer = await send(client, { method: "GET", pathAndQuery });
    if (isUnavailable(answer)) return { operation, outcome: "unavailable" };
    const listed: unknown = answer.status === 404 ? {} : JSON.parse(answer.body.toString());
    const names = namesIn(listed);
    for (const { name, possible } of own) {
      const isListed = names.includes(name);
      const isRight = isListed
        ? [...possible].some((digest) => digest !== null)
        : possible.has(null);
      if (!isRight) this.#problem(`push-pull: ${repository}:${name} listed: ${isListed}`);
    }
    return { operation, outcome: `${answer.status}` };
  }

  async #pull(client: RegistryClient): Promise<StepResult> {
    const { random } = client.env;
    const { manifests } = this.shelf;
    const pushed = manifests[random.int(manifests.length + 1)];
    const isByDigest = pushed !== undefined && random.int(2) === 0;
    const pulled = isByDigest
      ? await pullManifest(client, pushed)
      : await pullTag(client, this.shelf, this.#ownTag(client));
    for (const text of pulled.wrong) this.#problem(`push-pull: ${text}`);
    return { operation: isByDigest ? "pull by digest" : "pull by tag", outcome: pulled.outcome };
  }

  #repository({ env }: RegistryClient): string {
    return repositories[env.random.int(repositories.length)] ?? "";
  }

  #ownTag(client: RegistryClient): Tag {
    const number = client.env.random.int(tagsPerClient);
    return this.shelf.tag(this.#repository(client), `client-${client.slot}-${number}`);
  }

  #tagsOf(digest: Digest, repository: string): readonly Tag[] {
    return this.shelf.tags.filter(
      (tag) => tag.repository === repository && tag.possible.has(digest),
    );
  }
}

async function putManifest(client: RegistryClient, tag: Tag, image: Image): Promise<number> {
  const pathAndQuery = `/v2/${tag.repository}/manifests/${tag.name}`;
  const headers = { "content-type": manifestType };
  const body = image.manifest.bytes;
  return (await send(client, { method: "PUT", pathAndQuery }, { headers, body })).status;
}

function namesIn(listed: unknown): readonly string[] {
  if (typeof listed !== "object" || listed === null || !("tags" in listed)) return [];
  return Array.isArray(listed.tags) ? listed.tags.map(String) : [];
}
