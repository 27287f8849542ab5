// The face of authentication and authorisation.

export * from "./auth.ts";
export * from "./first-start.ts";
