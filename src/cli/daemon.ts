import { exitCodeOf } from "../errors.ts";
import { backup, backupDueAt } from "../run/backup/backup.ts";
import { daemon } from "../run/daemon/daemon.ts";
import type { CommandLine } from "./command.ts";

/** What runs when no command is given. */
export async function runDaemon({ assembled, world: { signal }, end }: CommandLine): Promise<void> {
  const tools = await assembled("backup");
  const run = (runSignal: AbortSignal, due?: Date) =>
    due === undefined ? backup(tools, runSignal) : backupDueAt(due, tools, runSignal);
  const interrupted = await daemon(tools, run, signal);
  if (interrupted) end(exitCodeOf(signal.reason));
}
