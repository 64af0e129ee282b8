import type { Snapshot, Source, SourceFinding } from "../../sources/source.ts";
import { sideBySide } from "../conduct/side-by-side.ts";
import type { Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/** Copies all of them. At the first failure the others are given up, and it rejects with that. */
export async function copyDatabases(
  sources: readonly Source[],
  spool: Spool,
  { log }: Tools,
  signal: AbortSignal,
): Promise<readonly Snapshot[]> {
  const copy = async (source: Source, at: number, either: AbortSignal) => {
    const snapshot = await source.snapshot({ folder: await spool.makeFolder(`database-${at}`) }, either);
    log.info("database copied", { database: source.name, ...briefly(snapshot.finding.facts) });
    return snapshot;
  };
  return await sideBySide(sources, copy, signal);
}

/** The whole findings of all snapshots. Rejects with the first copy that turns out to be no good one. */
export async function proveCopies(
  snapshots: readonly Snapshot[],
  { log }: Tools,
  signal: AbortSignal,
): Promise<readonly SourceFinding[]> {
  const proveOne = async (snapshot: Snapshot, _at: number, either: AbortSignal) => {
    const proven = await provenFinding(snapshot, either);
    if (!snapshot.prove) return proven;
    const { readBy, check, pageCount, notChecked, rulesBroken } = proven.facts;
    const what = { readBy, check, pageCount, notChecked, rulesBroken };
    log.info("database read back", { database: proven.name, ...what });
    return proven;
  };
  return await sideBySide(snapshots, proveOne, signal);
}

/** All that is known of a copy. Rejects if it turns out to be no good one. */
export async function provenFinding({ finding, prove }: Snapshot, signal: AbortSignal): Promise<SourceFinding> {
  return prove ? await prove(signal) : finding;
}

/** What a person watching wants to know; the receipt has the rest. */
function briefly(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { method, dumpBytes, rolePasswords, notices, copyBytes, checkedBy, lockedMs, tookMs } = facts;
  return { method, dumpBytes, rolePasswords, notices, copyBytes, checkedBy, lockedMs, tookMs };
}
