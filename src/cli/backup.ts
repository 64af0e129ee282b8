import { backup, fullBackup } from "../run/backup/backup.ts";
import { planBackup } from "../run/backup/plan-backup.ts";
import { backupPlanText } from "./backup-plan-text.ts";
import type { CommandLine, Options } from "./command.ts";

export function addBackup({ command, assembled, tell, print, end, world: { signal } }: CommandLine): void {
  command("backup", "make a backup now")
    .option("--full", "with whole base backups, also where BACKUP_FULL_CRON_EXPRESSION would have increments")
    .option("--dry-run", "show what would be saved and what not, and hold, copy and write nothing")
    .action(async ({ json, full, dryRun }: Options & { full?: boolean; dryRun?: boolean }) => {
      const tools = await assembled("backup");
      if (dryRun) {
        const plan = await planBackup(tools, signal);
        print(json ? JSON.stringify(plan) : backupPlanText(plan, tools.look));
        end(plan.exitCode);
        return;
      }
      const report = full ? await fullBackup(tools, signal) : await backup(tools, signal);
      tell(report, json, tools);
    });
}
