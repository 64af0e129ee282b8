import { backup } from "../run/backup.ts";
import type { CommandLine, Options } from "./command.ts";

export function addBackup({ command, assembled, tell, world: { signal } }: CommandLine): void {
  command("backup", "make a backup now").action(async ({ json }: Options) => {
    const tools = await assembled("backup");
    tell(await backup(tools, signal), json, tools);
  });
}
