import type { Receipt } from "../../archive/receipt.ts";
import { dumpPath } from "../../sources/postgres/file-names.ts";
import { recordedDatabase, type RecordedDatabase } from "../../sources/postgres/load.ts";

/** A database of PostgreSQL in a backup, as its receipt has it. */
export interface RecordedDump {
  readonly server: string;
  readonly database: string;
  /** Of its dump, relative to the sources. */
  readonly path: string;
  readonly dumpBytes: number;
  readonly flaws: readonly string[];
  readonly recorded: RecordedDatabase;
}

/** All that were dumped. */
export function dumpsIn({ sources }: Receipt): readonly RecordedDump[] {
  return sources.flatMap(({ kind, name, facts, flaws }) => {
    const recorded = kind === "postgres" ? recordedDatabase(facts) : undefined;
    const { database, dumpBytes } = facts;
    if (!recorded || typeof database !== "string") return [];
    const server = name.slice(0, -database.length - 1);
    const path = dumpPath(server, database);
    return [{ server, database, path, dumpBytes: Number(dumpBytes ?? 0), flaws, recorded }];
  });
}
