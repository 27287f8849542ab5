// What ends a command with a message: one line that names the cause and the next step.

/**
 * 1: it did not work. 2: it was asked for in a way that cannot be understood. 130: whoever started
 * it stopped it (128 and the number of SIGINT, as shells say it).
 */
export type FailureExitCode = 1 | 2 | 130;

export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly exitCode: FailureExitCode;

  constructor(message: string, exitCode: FailureExitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
