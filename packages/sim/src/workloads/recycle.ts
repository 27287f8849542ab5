// Recycle: a client deletes manifests and pushes others of the same blobs without the blobs, about when
// the collector looks: again and again while the first look comes, or once around the second. Either the
// registry still has all blobs, or it says that they are unknown; a manifest that it took is whole from
// then on.
//
// A family is two manifests of the same blobs. When both are gone, blobs and links are condemned, and
// the sibling of the one that went last comes without any content to be rewritten: only its blobs stand
// between the push and the second look. When one stays, only the other's content is condemned.

import type { Env } from "@sampan/env";
import { transactionAgeMsMax } from "@sampan/kv/txn";
import type { RegistryClient } from "./push-pull/client.ts";
import {
  type Content,
  type Image,
  ImageMaker,
  manifestType,
  siblingOf,
} from "./push-pull/images.ts";
import { isUnavailable, pullBlob } from "./push-pull/pull.ts";
import { pushBlob } from "./push-pull/upload.ts";
import { type Distribution, send } from "./registry-client.ts";
import type { StepResult, Workload } from "./workload.ts";

const repositories = ["library/recycle-a", "library/recycle-b"];
/** Each is another push that the second look may meet. */
const familiesEach = 4;
/** The first look comes within a second or two. */
const hammerMs = 2_500;
const hammerPauseMsMax = 200;
const lookEveryMs = 25;
/**
 * From what a first look has condemned to the second look: the collector must have seen it for
 * `transactionAgeMsMax` and two seconds, and looks once a second.
 */
const secondLookMsMin = transactionAgeMsMax + 2_000;
const secondLookMsMax = secondLookMsMin + 1_300;

/** A manifest, and what the answers so far say of it. */
interface Owned {
  readonly repository: string;
  readonly image: Image;
  state: "there" | "maybe" | "gone";
  /**
   * Monotonic milliseconds: until then a deletion may come to be that was not answered. A push of what
   * is there changes nothing, and so puts no end to it: only one that begins later does.
   */
  deletedUntilMs: number;
}

type Family = readonly [Owned, Owned];

/** A transaction whose outcome nobody knows is committed so late at most. */
const undeterminedMsMax = transactionAgeMsMax;

const silent = { begun: () => undefined, ended: () => undefined };

export class Recycle implements Workload<Distribution> {
  readonly name = "recycle";
  readonly #images: ImageMaker;
  readonly #problem: (text: string) => void;
  /** By client: nobody else touches them, but others' images share their layers. */
  readonly #families = new Map<number, readonly Family[]>();

  constructor({ random }: Env, problem: (text: string) => void) {
    this.#images = new ImageMaker(random);
    this.#problem = problem;
  }

  async setUp(): Promise<void> {}

  async step(client: RegistryClient, isQuiet: boolean): Promise<StepResult> {
    if (isQuiet) return { operation: "wait", outcome: "quiet" };
    const families = this.#familiesOf(client);
    const absent = families.filter((family) => family.every(({ state }) => state !== "there"));
    if (absent.length > 0) return await this.#push(client, absent);
    if (client.env.random.int(3) > 0) return await this.#race(client, families);
    const [one] = families[client.env.random.int(families.length)] ?? [];
    return one === undefined
      ? { operation: "wait", outcome: "no family" }
      : await this.#hammer(client, one);
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

  /** Of every family something goes, and something comes around the second look. */
  async #race(client: RegistryClient, families: readonly Family[]): Promise<StepResult> {
    const { clock, random } = client.env;
    const raced = await Promise.all(families.map((family) => this.#clear(client, family)));
    const seenMs = await this.#firstLook(client, families);
    const outcomes = await Promise.all(
      raced.map(async (owned) => {
        if (owned === null) return "not cleared";
        const waitMs = random.fraction() * (secondLookMsMax - secondLookMsMin);
        const atMs = seenMs + secondLookMsMin + waitMs;
        await clock.sleep(Math.max(0, atMs - clock.monotonic()));
        return await this.#put(client, owned);
      }),
    );
    return { operation: "push at the second look", outcome: outcomes.sort().join(" ") };
  }

  /** Deletes both or one of them; answers which to push then. Null: who knows what is there. */
  async #clear(client: RegistryClient, family: Family): Promise<Owned | null> {
    const { random } = client.env;
    const [one, other] = random.int(2) === 0 ? family : ([family[1], family[0]] as const);
    await this.#pull(client, family);
    const isOneKept = one.state === "there" && other.state === "there" && random.int(4) > 0;
    for (const owned of isOneKept ? [one] : family) {
      if (owned.state === "gone") continue;
      const wasThere = owned.state === "there";
      const deleted = await this.#delete(client, owned);
      if (deleted !== "202" && (wasThere || deleted !== "404")) return null;
    }
    return one;
  }

  /** Monotonic milliseconds: when the blobs were seen condemned, or when that is likely. */
  async #firstLook(client: RegistryClient, families: readonly Family[]): Promise<number> {
    const { clock } = client.env;
    const endMs = clock.monotonic() + hammerMs;
    for (const [one, other] of families) {
      if (one.state !== "gone" || other.state !== "gone") continue;
      while (clock.monotonic() < endMs) {
        if ((await head(client, one.repository, one.image.config)) === 404) break;
        await clock.sleep(lookEveryMs);
      }
    }
    return clock.monotonic();
  }

  async check(client: RegistryClient): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const owned of [...this.#families.values()].flat(2)) {
      if (owned.state === "there") wrong.push(...(await pullImage(client, owned)));
    }
    return wrong.map((text) => `recycle: ${text}`);
  }

  #familiesOf({ slot, env }: RegistryClient): readonly Family[] {
    const known = this.#families.get(slot);
    if (known !== undefined) return known;
    const repository = repositories[slot % repositories.length] ?? "";
    const families = Array.from({ length: familiesEach }, (): Family => {
      const image = this.#images.make(env.random);
      const owned = (of: Image): Owned => ({
        repository,
        image: of,
        state: "gone",
        deletedUntilMs: 0,
      });
      return [owned(image), owned(siblingOf(image))];
    });
    this.#families.set(slot, families);
    return families;
  }

  async #push(client: RegistryClient, families: readonly Family[]): Promise<StepResult> {
    const outcomes = await Promise.all(families.map((family) => this.#pushFamily(client, family)));
    return { operation: "push", outcome: outcomes.sort().join(" ") };
  }

  /** One of them, or both. */
  async #pushFamily(client: RegistryClient, family: Family): Promise<string> {
    const { random } = client.env;
    const [{ repository, image }] = family;
    for (const content of blobsOf(image)) {
      if ((await head(client, repository, content)) === 200) continue;
      const uploaded = await pushBlob(client, { repository, content, from: null }, silent);
      if (uploaded !== "stored") return `blob ${uploaded.status}`;
    }
    const first = random.int(2);
    const outcomes: string[] = [];
    for (const owned of random.int(3) === 0 ? family : family.slice(first, first + 1)) {
      outcomes.push(await this.#put(client, owned));
    }
    return outcomes.join("+");
  }

  async #pull(client: RegistryClient, owned: readonly Owned[]): Promise<void> {
    for (const one of owned) {
      if (one.state !== "there") continue;
      for (const text of await pullImage(client, one)) this.#problem(`recycle: ${text}`);
    }
  }

  async #put(client: RegistryClient, owned: Owned): Promise<string> {
    const { repository, image } = owned;
    const isSettled = client.env.clock.monotonic() >= owned.deletedUntilMs;
    owned.state = "maybe";
    const pathAndQuery = `/v2/${repository}/manifests/${image.manifest.digest}`;
    const { status } = await send(
      client,
      { method: "PUT", pathAndQuery },
      { headers: { "content-type": manifestType }, body: image.manifest.bytes },
    );
    if (status === 201 && isSettled) owned.state = "there";
    else if (status === 404 || status === 400) owned.state = "gone";
    return `${status}`;
  }

  async #delete(client: RegistryClient, owned: Owned): Promise<string> {
    const { repository, image } = owned;
    const mustBeThere = owned.state === "there";
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

function blobsOf(image: Image): readonly Content[] {
  return [image.config, ...image.layers];
}

async function head(
  client: RegistryClient,
  repository: string,
  { digest }: Content,
): Promise<number> {
  const pathAndQuery = `/v2/${repository}/blobs/${digest}`;
  return (await send(client, { method: "HEAD", pathAndQuery })).status;
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
