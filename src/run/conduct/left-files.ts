import { leftQuarantines, removeLeftQuarantines } from "./quarantines.ts";
import { removeLeftSpools, spoolIsUsed } from "./spool.ts";
import type { Tools } from "./tools.ts";

/** Takes away the files of dead runs, copies in clear among them, and tells of it. The caller holds the lock. */
export async function removeLeftFiles({ config, clock, log }: Tools): Promise<void> {
  const spools = await removeLeftSpools(config.state, clock);
  const folders = [...spools, ...(await removeLeftQuarantines(config.state))];
  if (folders.length > 0) log.warn("files that a dead run had left were removed", { folders });
}

/** True if there are any, or a run is under way in another process. */
export async function leftFiles(stateFolder: string): Promise<boolean> {
  return (await spoolIsUsed(stateFolder)) || (await leftQuarantines(stateFolder)).length > 0;
}
