import { settingsHelp } from "../config/reference.ts";
import { commandNames } from "./command-names.ts";
import type { CommandLine } from "./command.ts";
import { unknownCommand } from "./unknown-command.ts";

export function addHelp({ program, print }: CommandLine): void {
  program
    .command("help [what]")
    .description("show what a command takes, or with 'settings' every setting")
    .action((what: string | undefined) => {
      if (what === "settings") {
        print(`Settings are environment variables, each also as NAME_FILE:\n\n${settingsHelp()}`);
        return;
      }
      const about = what === undefined ? program : program.commands.find((each) => each.name() === what);
      if (!about) throw unknownCommand(what ?? "", commandNames({ program }));
      about.outputHelp();
    });
}
