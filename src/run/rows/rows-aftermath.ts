import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { TableOutcome } from "../../sources/rows.ts";
import type { Conduct } from "../conduct/conduct.ts";
import type { Tools } from "../conduct/tools.ts";

/** Where the SQL goes that undoes what is written from the backup `id`. */
export async function newUndoFile(id: string, { config, clock }: Tools): Promise<string> {
  const folder = join(config.state, "rows");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // With milliseconds: no file may be taken for that of the run before.
  return join(folder, `${clock.now().toISOString().replace(/[-:.]/g, "")}-${id}.sql`);
}

export function tellAltered(tables: readonly TableOutcome[], run: Conduct): void {
  for (const { table, altered } of tables) {
    if (altered === 0) continue;
    run.warn(
      `${altered} rows of '${table}' are not the backup's to the byte: triggers or new column types changed them`,
    );
  }
}
