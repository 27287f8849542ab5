// As much of the kubelet's image service as pulling needs (Kubernetes CRI, runtime.v1), its
// messages written down here from their field numbers.

import * as grpc from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";

export interface CriImage {
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
}

export interface CriAuth {
  readonly username: string;
  readonly password: string;
}

export interface ImageService {
  /** The reference of what was pulled. Rejects with the runtime's words. */
  pull(image: string, auth: CriAuth | null): Promise<string>;
  /** null: there is no such image. */
  status(image: string): Promise<CriImage | null>;
  remove(image: string): Promise<void>;
  close(): void;
}

const text = (id: number) => ({ type: "string", id });
const texts = (id: number) => ({ rule: "repeated", type: "string", id }) as const;
const message = (type: string, id: number) => ({ type, id });
const method = (name: string) => ({
  requestType: `${name}Request`,
  responseType: `${name}Response`,
  comment: "",
});

const protocol: Parameters<typeof fromJSON>[0] = {
  nested: {
    runtime: {
      nested: {
        v1: {
          nested: {
            ImageService: {
              methods: {
                PullImage: method("PullImage"),
                ImageStatus: method("ImageStatus"),
                RemoveImage: method("RemoveImage"),
              },
            },
            ImageSpec: { fields: { image: text(1) } },
            AuthConfig: { fields: { username: text(1), password: text(2) } },
            PullImageRequest: {
              fields: { image: message("ImageSpec", 1), auth: message("AuthConfig", 2) },
            },
            PullImageResponse: { fields: { imageRef: text(1) } },
            ImageStatusRequest: { fields: { image: message("ImageSpec", 1) } },
            ImageStatusResponse: { fields: { image: message("Image", 1) } },
            Image: { fields: { id: text(1), repoTags: texts(2), repoDigests: texts(3) } },
            RemoveImageRequest: { fields: { image: message("ImageSpec", 1) } },
            RemoveImageResponse: { fields: {} },
          },
        },
      },
    },
  },
};

const callTimeoutMs = 120_000;

type Call = (
  request: unknown,
  options: grpc.CallOptions,
  done: (error: grpc.ServiceError | null, response: unknown) => void,
) => void;

export function connectImageService(socket: string): ImageService {
  const definition = fromJSON(protocol, { keepCase: true, arrays: true })[
    "runtime.v1.ImageService"
  ];
  const Service = grpc.makeGenericClientConstructor(
    definition as grpc.ServiceDefinition,
    "ImageService",
  );
  const client = new Service(`unix:${socket}`, grpc.credentials.createInsecure());
  const call = (name: string, request: unknown): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + callTimeoutMs };
      const send = (client[name] as Call).bind(client);
      send(request, options, (error, response) => {
        if (error === null) resolve(response as Record<string, unknown>);
        else reject(error);
      });
    });
  return {
    pull: async (image, auth) => {
      const answer = await call("PullImage", {
        image: { image },
        ...(auth === null ? {} : { auth }),
      });
      return String(answer["imageRef"]);
    },
    status: async (image) => {
      const { image: found } = await call("ImageStatus", { image: { image } });
      return (found ?? null) as CriImage | null;
    },
    remove: async (image) => void (await call("RemoveImage", { image: { image } })),
    close: () => client.close(),
  };
}
