import type { CommandLine } from "./command.ts";

/** Those of the help, in its order. */
export function commandNames({ program }: Pick<CommandLine, "program">): readonly string[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .map((each) => each.name());
}
