import { backup, fullBackup } from "../run/backup/backup.ts";
import type { CommandLine, Options } from "./command.ts";

export function addBackup({ command, assembled, tell, world: { signal } }: CommandLine): void {
  command("backup", "make a backup now")
    .option("--full", "with whole base backups, also where BACKUP_FULL_CRON_EXPRESSION would have increments")
    .action(async ({ json, full }: Options & { full?: boolean }) => {
      const tools = await assembled("backup");
      const report = full ? await fullBackup(tools, signal) : await backup(tools, signal);
      tell(report, json, tools);
    });
}
