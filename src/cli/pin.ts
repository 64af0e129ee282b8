import { pin, unpin } from "../run/keep/pin.ts";
import { given, type CommandLine, type Options } from "./command.ts";

export function addPin({ command, assembled, tell, world: { signal } }: CommandLine): void {
  command("pin <id>", "keep a backup, whatever retention says")
    .option("--target <name>", "only on this target")
    .action(async (id: string, { json, target }: Options) => {
      const tools = await assembled("restore");
      tell(await pin({ id, ...given({ target }) }, tools, signal), json, tools);
    });
}

export function addUnpin({ command, assembled, tell, world: { signal } }: CommandLine): void {
  command("unpin <id>", "leave a backup to retention again")
    .option("--target <name>", "only on this target")
    .action(async (id: string, { json, target }: Options) => {
      const tools = await assembled("restore");
      tell(await unpin({ id, ...given({ target }) }, tools, signal), json, tools);
    });
}
