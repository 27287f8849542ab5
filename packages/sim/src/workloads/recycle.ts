// Recycle: a client deletes its image and pushes the manifest again without its blobs, about when the
// collector looks: again and again while the first look comes, or once around the second. Either the
// registry still has all blobs, or it says that they are unknown; an image that it took is whole from
// then on.

import type { Env } from "@sampan/env";
import { transactionAgeMsMax } from "@sampan/kv/txn";
import type { RegistryClient } from "./push-pull/client.ts";
import { type Content, type Image, ImageMaker, manifestType } from "./push-pull/images.ts";
import { isUnavailable, pullBlob } from "./push-pull/pull.ts";
import { pushBlob } from "./push-pull/upload.ts";
import { type Distribution, send } from "./registry-client.ts";
import type { StepResult, Workload } from "./workload.ts";

const repositories = ["library/recycle-a", "library/recycle-b"];
/** Around the moment of the collector's second look behind a deletion. */
const waitMsMin = 11_000;
const waitMsMax = 16_000;
/** The first look comes within a second or two. */
const hammerMs = 2_500;
const hammerPauseMsMax = 200;

interface Owned {
  readonly repository: string;
  readonly image: Image;
  /** What the answers so far say. */
  state: "there" | "maybe" | "gone";
  /**
   * Monotonic milliseconds: until then a deletion may come to be that was not answered. A push of what
   * is there changes nothing, and so puts no end to it.
   */
  deletedUntilMs: number;
}

/** A transaction whose outcome nobody knows is committed so late at most. */
const undeterminedMsMax = transactionAgeMsMax;

const silent = { begun: () => undefined, ended: () => undefined };

export class Recycle implements Workload<Distribution> {
  readonly name = "recycle";
  readonly #images: ImageMaker;
  readonly #problem: (text: string) => void;
  /** By client: nobody else touches it, but others' images share its layers. */
  readonly #owned = new Map<number, Owned>();

  constructor({ random }: Env, problem: (text: string) => void) {
    this.#images = new ImageMaker(random);
    this.#problem = problem;
  }

  async setUp(): Promise<void> {}

  async step(client: RegistryClient, isQuiet: boolean): Promise<StepResult> {
    if (isQuiet) return { operation: "wait", outcome: "quiet" };
    const owned = this.#ownedBy(client);
    if (owned.state !== "there") return this.#push(client, owned);
    const deleted = await this.#delete(client, owned);
    if (deleted !== "202") return { operation: "delete", outcome: deleted };
    if (client.env.random.int(3) === 0) return await this.#hammer(client, owned);
    const { clock, random } = client.env;
    await clock.sleep(waitMsMin + random.int(waitMsMax - waitMsMin));
    return await this.#putAgain(client, owned);
  }

  /** There and gone and there, for as long as the registry takes it. */
  async #hammer(client: RegistryClient, owned: Owned): Promise<StepResult> {
    const { clock, random } = client.env;
    const endMs = clock.monotonic() + hammerMs;
    for (;;) {
      const put = await this.#put(client, owned);
      const isOver = put !== "201" || clock.monotonic() >= endMs;
      if (isOver) return { operation: "push again and again", outcome: put };
      const deleted = await this.#delete(client, owned);
      if (deleted !== "202") return { operation: "delete again and again", outcome: deleted };
      await clock.sleep(random.int(hammerPauseMsMax));
    }
  }

  async check(client: RegistryClient): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const owned of this.#owned.values()) {
      if (isCertain(client, owned)) wrong.push(...(await pullImage(client, owned)));
    }
    return wrong.map((text) => `recycle: ${text}`);
  }

  #ownedBy({ slot, env }: RegistryClient): Owned {
    const known = this.#owned.get(slot);
    if (known !== undefined) return known;
    const image = this.#images.make(env.random);
    const repository = repositories[slot % repositories.length] ?? "";
    const owned: Owned = { repository, image, state: "gone", deletedUntilMs: 0 };
    this.#owned.set(slot, owned);
    return owned;
  }

  async #push(client: RegistryClient, owned: Owned): Promise<StepResult> {
    const { repository, image } = owned;
    for (const content of blobsOf(image)) {
      const uploaded = await pushBlob(client, { repository, content, from: null }, silent);
      if (uploaded !== "stored") {
        return { operation: "push", outcome: `blob ${uploaded.status}` };
      }
    }
    const outcome = await this.#put(client, owned);
    return { operation: "push", outcome };
  }

  async #putAgain(client: RegistryClient, owned: Owned): Promise<StepResult> {
    const outcome = await this.#put(client, owned);
    if (isCertain(client, owned)) await this.#pull(client, owned);
    return { operation: "push again", outcome };
  }

  async #pull(client: RegistryClient, owned: Owned): Promise<void> {
    for (const text of await pullImage(client, owned)) this.#problem(`recycle: ${text}`);
  }

  async #put(client: RegistryClient, owned: Owned): Promise<string> {
    const { repository, image } = owned;
    owned.state = "maybe";
    const pathAndQuery = `/v2/${repository}/manifests/${image.manifest.digest}`;
    const { status } = await send(
      client,
      { method: "PUT", pathAndQuery },
      { headers: { "content-type": manifestType }, body: image.manifest.bytes },
    );
    if (status === 201) owned.state = "there";
    else if (status === 404 || status === 400) owned.state = "gone";
    return `${status}`;
  }

  async #delete(client: RegistryClient, owned: Owned): Promise<string> {
    const { repository, image } = owned;
    const mustBeThere = isCertain(client, owned);
    owned.state = "maybe";
    const pathAndQuery = `/v2/${repository}/manifests/${image.manifest.digest}`;
    const { status } = await send(client, { method: "DELETE", pathAndQuery });
    if (status === 202 || status === 404) owned.state = "gone";
    else owned.deletedUntilMs = client.env.clock.monotonic() + undeterminedMsMax;
    if (status === 404 && mustBeThere) {
      this.#problem(`recycle: ${image.manifest.digest} is gone by itself`);
    }
    return `${status}`;
  }
}

function isCertain({ env }: RegistryClient, owned: Owned): boolean {
  return owned.state === "there" && env.clock.monotonic() >= owned.deletedUntilMs;
}

function blobsOf(image: Image): readonly Content[] {
  return [image.config, ...image.layers];
}

/** It was taken and nobody deleted it: what of it is not there, or not whole? */
async function pullImage(
  client: RegistryClient,
  { repository, image }: Owned,
): Promise<readonly string[]> {
  const pathAndQuery = `/v2/${repository}/manifests/${image.manifest.digest}`;
  const answer = await send(client, { method: "GET", pathAndQuery });
  if (isUnavailable(answer) && answer.status !== 500) return [];
  const what = `${repository}@${image.manifest.digest}`;
  if (answer.status !== 200) return [`${what} was taken, and now: status ${answer.status}`];
  const wrong: string[] = [];
  for (const content of blobsOf(image)) {
    wrong.push(...(await pullBlob(client, repository, content)).wrong);
  }
  return wrong.map((text) => `${what} was taken: ${text}`);
}
