import { LifeboatError } from "../../../errors.ts";
import type { Receipt } from "../../../archive/receipt.ts";
import { globalsPath } from "../../../sources/postgres/file-names.ts";
import type { RecordedDatabase } from "../../../sources/postgres/load.ts";
import { dumpsIn } from "../../catalogue/dumps.ts";
import type { Layout } from "../layout.ts";

/** A database that is to be restored, as the backup has it. */
export interface ChosenDatabase {
  readonly server: string;
  readonly name: string;
  /** Relative to the sources. */
  readonly path: string;
  readonly dumpBytes: number;
  readonly recorded: RecordedDatabase;
}

/** What of a backup's dumps is to be restored. */
export interface Chosen {
  readonly databases: readonly ChosenDatabase[];
  /** By server: the file with the roles, relative to the sources, and its size. */
  readonly globals: ReadonlyMap<string, { readonly path: string; readonly sizeBytes: number }>;
}

/** Throws when `--only` names what belongs to databases, but none of them; and for a dump the receipt does not know. */
export function chooseDatabases({ stored, shares }: Layout, receipt: Receipt, isPartial: boolean): Chosen {
  const left = new Map(
    stored.filter(({ path, isWanted }) => isWanted && path.endsWith(".pgdump")).map((one) => [one.path, one]),
  );
  const databases = dumpsIn(receipt).flatMap(({ server, database, path, recorded }): ChosenDatabase[] => {
    const dump = left.get(latin1(path));
    if (!dump) return [];
    left.delete(dump.path);
    return [{ server, name: database, path, dumpBytes: dump.sizeBytes, recorded }];
  });
  for (const path of left.keys()) {
    throw new LifeboatError("failed", `the receipt does not say what '${text(path)}' is a dump of`, {
      hint: "Restore it to a folder, and load it by hand (docs/how-to/postgres.md).",
    });
  }
  if (isPartial && shares.length === 0 && databases.length === 0) {
    throw new LifeboatError("not-found", "--only names no file and no database that can be put back", {
      hint: "Databases are '.databases/SERVER/NAME.pgdump', or all of '.databases'.",
    });
  }
  const globals = new Map(
    [...new Set(databases.map(({ server }) => server))].flatMap((server) => {
      const path = globalsPath(server);
      const sizeBytes = stored.find((one) => one.path === latin1(path))?.sizeBytes;
      return sizeBytes === undefined ? [] : [[server, { path, sizeBytes }] as const];
    }),
  );
  return { databases, globals };
}

function latin1(path: string): string {
  return Buffer.from(path).toString("latin1");
}

function text(path: string): string {
  return Buffer.from(path, "latin1").toString("utf8");
}
