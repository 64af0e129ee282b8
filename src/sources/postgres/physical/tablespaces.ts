import { readdir, readlink, symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { LifeboatError } from "../../../errors.ts";
import type { Tablespace } from "./facts.ts";

/** Where in the base backup the files of a tablespace are, beside the data directory. */
export function tablespaceFolder(physical: string, { oid }: Pick<Tablespace, "oid">): string {
  return join(physical, "tablespaces", String(oid));
}

/** Options of pg_basebackup, which otherwise puts a tablespace where the server has it. */
export function mappingOptions(physical: string, tablespaces: readonly Tablespace[]): readonly string[] {
  return mappingArguments(tablespaces.map((one) => [one.location, tablespaceFolder(physical, one)]));
}

/** Options of pg_basebackup and pg_combinebackup: where each tablespace is, and where it shall go. */
export function mappingArguments(mappings: readonly (readonly [from: string, to: string])[]): readonly string[] {
  const escaped = (path: string) => path.replaceAll("=", "\\=");
  return mappings.map(([from, to]) => `--tablespace-mapping=${escaped(from)}=${escaped(to)}`);
}

/**
 * Lets the links in the data directory point where they point on the server, instead of into `physical`.
 * Rejects if one of them leads to a tablespace that was made after the others were asked for.
 */
export async function restoreLinks(physical: string, tablespaces: readonly Tablespace[]): Promise<void> {
  const folder = join(physical, "data", "pg_tblspc");
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const link = join(folder, entry.name);
    const leadsTo = await readlink(link);
    const tablespace = tablespaces.find((one) => leadsTo === tablespaceFolder(physical, one));
    if (!tablespace) {
      throw new LifeboatError("failed", `a tablespace at '${leadsTo}' was made while the base backup was taken`, {
        hint: "The next backup will have it. Its files are at that path in this container: remove them.",
      });
    }
    await unlink(link);
    await symlink(tablespace.location, link);
  }
}
