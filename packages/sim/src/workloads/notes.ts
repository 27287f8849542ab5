// Notes: a few keys whose values come and go, long ones and short ones: put, put over, deleted, put
// again. Beside each lies a label that says in a short value what the note is. One transaction
// writes both, so they agree in every view, and a view that is kept looks the same for as long as it
// lives, whatever is written and collected meanwhile.

import type { Env } from "@sampan/env";
import type { Entry, Reader, Store } from "@sampan/kv/txn";
import { attempt, attemptLook } from "./attempt.ts";
import type { Client, StepResult, Workload } from "./workload.ts";

type StoreClient = Client<Store>;

export interface NotesOptions {
  readonly notes: number;
  /** Of ten steps so many write. */
  readonly writesOfTen: number;
}

/** Up to 255 bytes lie in the record itself, longer values in a family of their own. */
const sizes = [0, 20, 255, 256, 1_000, 5_000];
const notePrefix = "note/text/";
const labelPrefix = "note/label/";
/** The label of a note that was deleted. */
const gone = "gone";
/** One look of so many is a watch, which keeps its client for seconds. */
const watchOf = 10;
/** A transaction that watches has to end within its time. */
const looksMax = 4;
const pauseMsMax = 2_000;

interface Change {
  readonly note: number;
  /** Null: it is deleted. */
  readonly label: string | null;
}

export function createNotes(
  options: NotesOptions,
  problem: (text: string) => void,
): Workload<Store> {
  return new Notes(options, problem);
}

class Notes implements Workload<Store> {
  readonly name = "notes";
  readonly #options: NotesOptions;
  readonly #problem: (text: string) => void;
  #written = 0;

  constructor(options: NotesOptions, problem: (text: string) => void) {
    this.#options = options;
    this.#problem = problem;
  }

  async setUp(): Promise<void> {}

  async step(client: StoreClient, isQuiet: boolean): Promise<StepResult> {
    const { random } = client.env;
    if (!isQuiet && random.int(10) < this.#options.writesOfTen) return this.#write(client);
    return random.int(watchOf) === 0 ? this.#watch(client) : this.#look(client);
  }

  async check(client: StoreClient): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const way of ways) {
      const seen = await attemptLook(client.target, (reader) => this.#view(reader, way));
      if (seen.type === "refused") wrong.push(`notes: the last look was refused: ${seen.reason}`);
      else wrong.push(...wrongNotes(seen.value));
    }
    return wrong;
  }

  async #write({ env, target: store }: StoreClient): Promise<StepResult> {
    const changes = Array.from({ length: 1 + env.random.int(2) }, () => this.#drawChange(env));
    const done = await attempt(() =>
      store.transact(async (transaction) => {
        for (const { note, label } of changes) {
          transaction.put(labelKey(note), Buffer.from(label ?? gone));
          if (label === null) transaction.delete(noteKey(note));
          else transaction.put(noteKey(note), textOf(label));
        }
      }),
    );
    return { operation: "write", outcome: done.type === "aborted" ? done.reason : done.type };
  }

  #drawChange({ random }: Env): Change {
    const note = random.int(this.#options.notes);
    if (random.int(2) === 0) return { note, label: null };
    this.#written += 1;
    return { note, label: `${this.#written}:${sizes[random.int(sizes.length)] ?? 0}` };
  }

  async #look({ env, target: store }: StoreClient): Promise<StepResult> {
    const way = ways[env.random.int(ways.length)] ?? "get";
    const seen = await attemptLook(store, async (reader) => this.#report(reader, way));
    return { operation: way, outcome: seen.type === "seen" ? "seen" : seen.reason };
  }

  /** One moment, again and again, while others write and what is old is collected. */
  async #watch({ env, target: store }: StoreClient): Promise<StepResult> {
    const watch = async (reader: Reader): Promise<void> => {
      const first = await this.#report(reader, "get");
      for (let looks = 1 + env.random.int(looksMax); looks > 0; looks -= 1) {
        await env.clock.sleep(env.random.fraction() * pauseMsMax);
        const way = ways[env.random.int(ways.length)] ?? "get";
        const again = await this.#report(reader, way);
        if (again !== first) this.#problem(`notes: there was ${first}, by ${way} now ${again}`);
      }
    };
    if (env.random.int(2) === 0) {
      const seen = await attemptLook(store, watch);
      return { operation: "watch", outcome: seen.type === "seen" ? "seen" : seen.reason };
    }
    const done = await attempt(() => store.transact(watch));
    const outcome = done.type === "aborted" ? done.reason : done.type;
    return { operation: "watch in a transaction", outcome };
  }

  /** The labels that were seen, for a comparison; what is wrong with the notes is a problem. */
  async #report(reader: Reader, way: Way): Promise<string> {
    const view = await this.#view(reader, way);
    for (const wrong of wrongNotes(view)) this.#problem(wrong);
    return [...view.labels].map(([note, label]) => `${note}=${label}`).join(" ");
  }

  async #view(reader: Reader, way: Way): Promise<View> {
    const numbers = Array.from({ length: this.#options.notes }, (_, note) => note);
    if (way === "get") return getView(reader, numbers);
    const options = { limit: numbers.length, reverse: way === "scan back" };
    const [labels, notes] = await Promise.all(
      [labelPrefix, notePrefix].map((prefix) =>
        reader.scan({ start: Buffer.from(prefix), end: Buffer.from(`${prefix}~`) }, options),
      ),
    );
    return {
      way,
      labels: byNote(labels ?? [], labelPrefix),
      notes: byNote(notes ?? [], notePrefix),
    };
  }
}

const ways = ["get", "scan", "scan back"] as const;
type Way = (typeof ways)[number];

/** In the order of the notes; those that are not there are left out. */
interface View {
  readonly way: Way;
  readonly labels: ReadonlyMap<number, string>;
  readonly notes: ReadonlyMap<number, string>;
}

async function getView(reader: Reader, numbers: readonly number[]): Promise<View> {
  const labels = new Map<number, string>();
  const notes = new Map<number, string>();
  const found = await reader.getMany(numbers.map(labelKey));
  for (const note of numbers) {
    const label = found[note] ?? null;
    if (label !== null) labels.set(note, Buffer.from(label).toString());
    const text = await reader.get(noteKey(note));
    if (text !== null) notes.set(note, Buffer.from(text).toString());
  }
  return { way: "get", labels, notes };
}

function byNote(entries: readonly Entry[], prefix: string): Map<number, string> {
  const found = entries.map(({ key, value }): [number, string] => [
    Number(Buffer.from(key).toString().slice(prefix.length)),
    Buffer.from(value).toString(),
  ]);
  return new Map(found.sort(([a], [b]) => a - b));
}

function wrongNotes({ way, labels, notes }: View): string[] {
  const wrong: string[] = [];
  for (const note of new Set([...labels.keys(), ...notes.keys()])) {
    const label = labels.get(note) ?? gone;
    const text = notes.get(note) ?? null;
    const expected = label === gone ? null : textOf(label).toString();
    if (text === expected) continue;
    const found = text === null ? "nothing" : `${text.length} bytes "${text.slice(0, 20)}"`;
    wrong.push(`notes: by ${way} note ${note} is ${found}, its label is ${label}`);
  }
  return wrong;
}

/** As many bytes as the label says, which tell whose they are. */
function textOf(label: string): Buffer {
  return Buffer.alloc(Number(label.split(":")[1]), `${label} `);
}

function noteKey(note: number): Buffer {
  return Buffer.from(`${notePrefix}${note}`);
}

function labelKey(note: number): Buffer {
  return Buffer.from(`${labelPrefix}${note}`);
}
