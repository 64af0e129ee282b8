import type { Snapshot, Source } from "../sources/source.ts";
import type { Spool } from "./spool.ts";
import type { Tools } from "./tools.ts";

/** Two keep the two halves of the work, reading and checking, going; more would only share the same disk. */
const COPIES_AT_ONCE = 2;

/** Copies all of them, in their order. At the first failure the others are given up, and it rejects with that. */
export async function copyDatabases(
  sources: readonly Source[],
  spool: Spool,
  { log }: Tools,
  signal: AbortSignal,
): Promise<readonly Snapshot[]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const copied: Snapshot[] = [];
  const waiting = sources.entries();
  const copyOneAfterTheOther = async () => {
    for (const [at, source] of waiting) {
      const stage = { folder: await spool.makeFolder(`database-${at}`) };
      const snapshot = await source.snapshot(stage, either);
      log.info("database copied", { database: source.name, ...briefly(snapshot.finding.facts) });
      copied[at] = snapshot;
    }
  };
  const copiers = Array.from({ length: COPIES_AT_ONCE }, copyOneAfterTheOther);
  try {
    await Promise.all(copiers);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(copiers);
    throw error;
  }
  return copied;
}

/** What a person watching wants to know; the receipt has the rest. */
function briefly(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { method, pageCount, dumpBytes, readBy, rolePasswords, notices, copyBytes, checkedBy, tookMs } = facts;
  return { method, pageCount, dumpBytes, readBy, rolePasswords, notices, copyBytes, checkedBy, tookMs };
}
