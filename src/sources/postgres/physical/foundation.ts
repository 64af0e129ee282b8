import { z } from "zod";
import type { SourceFinding } from "../../source.ts";
import { majorOf } from "../survey.ts";
import type { FoundPhysical } from "./survey.ts";

/** The whole base backup that an increment is taken against. */
export interface PhysicalFoundation {
  readonly standsOn: StandsOn;
  /** Its backup_manifest, which the server needs to know what has changed since. */
  readonly manifestPath: string;
}

/** Of a server's base backup, in receipts and reports. */
export function nameOfPhysical(server: string): string {
  return `${server} (physical)`;
}

/** The server that it is of. */
export function serverOfPhysical(name: string): string {
  return name.slice(0, -nameOfPhysical("").length);
}

const standsOnSchema = z.object({
  /** Id of the full backup. */
  backup: z.string(),
  /** File name of its archive. */
  archive: z.string(),
  /** Of the whole base backup's own backup_manifest. */
  manifestSha256: z.string(),
});

/** In an increment's facts, and only there: what it is useless without. */
export type StandsOn = z.infer<typeof standsOnSchema>;

/** Undefined for a base backup that is whole, and for every other kind of source. */
export function standsOn({ kind, facts }: Pick<SourceFinding, "kind" | "facts">): StandsOn | undefined {
  if (kind !== "postgres-physical" || facts["standsOn"] === undefined) return undefined;
  return standsOnSchema.parse(facts["standsOn"]);
}

const tablespaceSchema = z.object({ oid: z.number(), name: z.string(), location: z.string() });
const rangeSchema = z.object({ timeline: z.number(), startLsn: z.string(), stopLsn: z.string() });

/** What a receipt has to say about a base backup. */
const recordedSchema = z.object({
  version: z.string(),
  versionNumber: z.number(),
  inRecovery: z.boolean(),
  systemIdentifier: z.string(),
  tablespaces: z.array(tablespaceSchema),
  walRanges: z.array(rangeSchema).min(1),
  manifestSha256: z.string(),
  copyBytes: z.number(),
});

export type RecordedPhysical = z.infer<typeof recordedSchema>;

/** Of a finding with kind "postgres-physical". Throws if it is not as this program writes it. */
export function recordedPhysical({ facts }: Pick<SourceFinding, "facts">): RecordedPhysical {
  return recordedSchema.parse(facts);
}

/** Servers can be copied in increments from here on. */
const FIRST_MAJOR = 17;

/** Why no increment of a server can ever be taken, and what a person can do about it. */
export function lastingHindrance({ server: { name }, facts }: FoundPhysical): string | undefined {
  if (majorOf(facts) < FIRST_MAJOR) {
    return `PostgreSQL server '${name}' has version ${facts.version}: it is copied whole each time, as increments begin with ${FIRST_MAJOR}`;
  }
  if (facts.summarizesWal) return undefined;
  return `PostgreSQL server '${name}' is copied whole each time, as summarize_wal is off: ALTER SYSTEM SET summarize_wal = on; SELECT pg_reload_conf()`;
}

/** Why a whole base backup is not one of this server as it is now. */
export function passingHindrance(found: FoundPhysical, before: RecordedPhysical): string | undefined {
  const { name } = found.server;
  if (found.systemIdentifier !== before.systemIdentifier) return `'${name}' is another server than it was then`;
  if (majorOf(found.facts) !== majorOf(before)) return `'${name}' has another major version than it had then`;
  const { timeline } = before.walRanges.at(-1)!;
  return found.timeline === timeline
    ? undefined
    : `'${name}' has gone over from timeline ${timeline} to ${found.timeline}`;
}
