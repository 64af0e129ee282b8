import { backup } from "../run/backup/backup.ts";
import { planBackup } from "../run/backup/plan-backup.ts";
import { backupPlanText } from "./backup-plan-text.ts";
import type { CommandLine, Options } from "./command.ts";

interface BackupOptions extends Options {
  readonly full?: boolean;
  readonly keep?: boolean;
  readonly dryRun?: boolean;
}

export function addBackup({ command, assembled, tell, print, end, world: { signal } }: CommandLine): void {
  command("backup", "make a backup now")
    .option("--full", "with whole base backups, also where BACKUP_FULL_CRON_EXPRESSION would have increments")
    .option("--keep", "pinned: kept whatever retention says, until 'lifeboat unpin'")
    .option("--dry-run", "show what would be saved and what not, and hold, copy and write nothing")
    .action(async ({ json, full, keep, dryRun }: BackupOptions) => {
      const tools = await assembled("backup");
      if (dryRun) {
        const plan = await planBackup(tools, signal);
        print(json ? JSON.stringify(plan) : backupPlanText(plan, tools.look));
        end(plan.exitCode);
        return;
      }
      const wish = { kind: full ? "full" : "settings", pinned: keep ?? false } as const;
      const report = await backup(tools, signal, wish);
      tell(report, json, tools);
    });
}
