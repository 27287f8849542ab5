// The face of the event log.

export type { EventBody, LogEvent } from "./event.ts";
export type { ChainCheck, ChainLink, EventPage } from "./log.ts";
export { chainStart, readEvents, readHead, verifyEvents } from "./log.ts";
export { createSequencer, type Sequencer, type SequencerOptions } from "./sequencer.ts";
