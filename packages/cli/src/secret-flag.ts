// Flags that people try and that must not be: every user of a machine can read command lines, and
// the shell keeps them. Who tries one is told where the secret goes instead.

import { type Command, Option } from "commander";
import { CommandFailure } from "./failure.ts";

/** `flag` without its value (`--admin-password`); `instead` ends the sentence "give it …". */
export function refuseSecretFlag(command: Command, flag: string, instead: string): void {
  command.addOption(new Option(`${flag} [TEXT]`).hideHelp());
  // At the parsing, so that whatever else is wrong with the line does not hide it.
  command.on(`option:${flag.slice("--".length)}`, () => {
    throw new CommandFailure(
      `${flag} is no option, for others can read a command line: give it ${instead}`,
      2,
    );
  });
}
