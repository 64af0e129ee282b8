import { restoreTo } from "../run/restore.ts";
import { given, type CommandLine, type Options } from "./command.ts";

export function addRestore({ command, assembled, tell, world: { signal } }: CommandLine): void {
  command("restore <id>", "restore a backup into a folder; <id> may be 'latest' or the beginning of an id")
    .requiredOption("--to <folder>", "an empty folder, or one that does not exist yet")
    .option("--target <name>", "only from this target")
    .action(async (id: string, { json, to, target }: Options & { to: string }) => {
      const tools = await assembled("restore");
      tell(await restoreTo({ id, to, ...given({ target }) }, tools, signal), json, tools);
    });
}
