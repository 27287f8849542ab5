// One HTTP request and its answer, as the handlers see a request: the headers as they are, the body
// pushed chunk by chunk. Knows whom it waits for, so that only a client that fell silent is cut
// off. // hot path

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { type Clock, IoError } from "@sampan/env";
import type { DistributionRequest, RequestBody, TakeChunk } from "../request.ts";
import { BodyPace } from "./body-pace.ts";
import type { ChunkRelease } from "./chunk-release.ts";
import { clientAddressOf } from "./forwarding.ts";
import type { OriginOf } from "./origin.ts";
import { ReadPause } from "./read-pause.ts";

export interface ExchangeOptions {
  readonly clock: Clock;
  readonly originOf: OriginOf;
  readonly chunks: ChunkRelease;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
}

export class Exchange implements DistributionRequest, RequestBody {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** The next move is the client's: to send, or to take what we send. */
  waitsForClient = false;
  /** The client fell silent and its connection was cut for it. */
  stalled = false;
  drained = false;
  /** Its answer is out, or given up. */
  done = false;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #originOf: OriginOf;
  readonly #chunks: ChunkRelease;
  readonly #clock: Clock;
  readonly #expectsContinue: boolean;

  constructor(request: IncomingMessage, response: ServerResponse, options: ExchangeOptions) {
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    this.method = request.method ?? "GET";
    this.path = mark === -1 ? url : url.slice(0, mark);
    this.query = mark === -1 ? "" : url.slice(mark + 1);
    this.#request = request;
    this.#response = response;
    this.#originOf = options.originOf;
    this.#chunks = options.chunks;
    this.#clock = options.clock;
    this.#expectsContinue = options.expectsContinue;
  }

  get headers(): IncomingHttpHeaders {
    return this.#request.headers;
  }

  get origin(): string {
    return this.#originOf(this.#request.headers);
  }

  get clientAddress(): string | null {
    return clientAddressOf(this.#request);
  }

  get body(): RequestBody {
    return this;
  }

  get bytes(): number | null {
    const { headers } = this.#request;
    if (headers["transfer-encoding"] !== undefined) return null;
    return Number(headers["content-length"] ?? 0);
  }

  /** The client will send no body unless it is told to. */
  get holdsBack(): boolean {
    return this.#expectsContinue && !this.drained;
  }

  drain(take: TakeChunk): Promise<void> {
    this.drained = true;
    if (this.#expectsContinue) this.#response.writeContinue();
    const request = this.#request;
    const pace = new BodyPace(this.#clock.monotonic());
    const readPause = new ReadPause(request.socket, this.#clock);
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        readPause.end();
        request.removeAllListeners("data");
        request.pause();
        this.waitsForClient = false;
        reject(error);
      };
      const resume = (): void => {
        this.waitsForClient = true;
        pace.resume(this.#clock.monotonic());
        request.resume();
      };
      if (request.destroyed) return fail(this.#gone(undefined));
      this.waitsForClient = true;
      request.on("data", (chunk: Buffer) => {
        let full: Promise<void> | null;
        try {
          if (pace.isTooSlow(chunk.byteLength, this.#clock.monotonic())) throw this.#tooSlow();
          full = take(chunk);
        } catch (error) {
          fail(error);
          return;
        }
        readPause.took(chunk.byteLength);
        if (full === null) {
          this.#chunks.release(chunk);
          return;
        }
        this.waitsForClient = false;
        pace.pause(this.#clock.monotonic());
        request.pause();
        full.then(() => {
          this.#chunks.release(chunk);
          resume();
        }, fail);
      });
      request.on("end", () => {
        this.waitsForClient = false;
        readPause.end();
        resolve();
      });
      request.on("error", (error) => fail(this.#gone(error)));
      request.on("close", () => fail(this.#gone(undefined)));
    });
  }

  #tooSlow(): IoError {
    return new IoError("stalled", "the client sent its body too slowly");
  }

  #gone(cause: unknown): IoError {
    return this.stalled
      ? new IoError("stalled", "the client sent nothing for too long", cause)
      : new IoError("aborted", "the client went away", cause);
  }
}
