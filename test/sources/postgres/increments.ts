import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { PostgresServer } from "../../servers/postgres.ts";
import { until } from "../../until.ts";
import type { Sidecar, Source } from "./sidecar.ts";

/** A time for full backups that is half a year away from any run of a test. */
export const RARELY = `0 0 1 ${((new Date().getUTCMonth() + 6) % 12) + 1} *`;

/** Resolves when the server knows what its log changes. */
export async function letSummarize(server: PostgresServer): Promise<void> {
  await server.sql("ALTER SYSTEM SET summarize_wal = on");
  await server.sql("SELECT pg_reload_conf()");
  await until("the log is summarized", async () => {
    return (await server.sql("SELECT summarizer_pid IS NOT NULL FROM pg_get_wal_summarizer_state()")) === "t";
  });
}

export interface Receipt {
  readonly id: string;
  readonly kind: string;
  readonly parent: string | null;
  readonly archive: { readonly key: string; readonly sizeBytes: number };
  readonly index: { readonly key: string };
  readonly warnings: readonly string[];
  readonly sources: readonly Source[];
}

export async function newestReceipt(sidecar: Sidecar): Promise<Receipt> {
  const key = (await sidecar.stored()).filter((name) => name.endsWith(".receipt.json")).at(-1) ?? "";
  return JSON.parse(await readFile(join(sidecar.folder, "archive", key), "utf8")) as Receipt;
}
