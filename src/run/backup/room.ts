import { requireSpace } from "../conduct/spool.ts";
import { readState } from "../conduct/state.ts";

/** Rejects if the state folder has no room for the copies of the databases and the sealed archive. */
export async function requireRoom(
  { fileBytes, databaseBytes }: { readonly fileBytes: number; readonly databaseBytes: number },
  stateFolder: string,
): Promise<void> {
  // Compressed to what the last run's data was, with a quarter more for data that has changed in kind.
  const ratio = Math.min(1, ((await readState(stateFolder))?.lastRatio ?? 1) * 1.25);
  const sealedBytes = Math.ceil((fileBytes + databaseBytes) * ratio);
  await requireSpace(stateFolder, databaseBytes + sealedBytes, "to copy the databases and seal the archive");
}
