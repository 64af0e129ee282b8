import { exitCodeOf } from "../errors.ts";
import { backup, backupDueAt } from "../run/backup/backup.ts";
import { tellAhead } from "../run/backup/tell-ahead.ts";
import { daemon } from "../run/daemon/daemon.ts";
import type { CommandLine } from "./command.ts";

/** What runs when no command is given. */
export async function runDaemon({ assembled, world: { signal }, end }: CommandLine): Promise<void> {
  const tools = await assembled("backup");
  const works = {
    runBackup: (runSignal: AbortSignal, due?: Date) =>
      due === undefined ? backup(tools, runSignal) : backupDueAt(due, tools, runSignal),
    tellAhead: () => tellAhead(tools, signal),
  };
  const interrupted = await daemon(tools, works, signal);
  if (interrupted) end(exitCodeOf(signal.reason));
}
