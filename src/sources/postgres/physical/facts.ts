import type { PhysicalServer } from "../server.ts";

/** What a base backup has to know of its server. */
export interface PhysicalFacts {
  /** "18.6 (Debian 18.6-3)" */
  readonly version: string;
  /** 180006 */
  readonly versionNumber: number;
  /** A standby: its base backup is as old as its replay. */
  readonly inRecovery: boolean;
  readonly walLevel: string;
  readonly maxWalSenders: number;
  /** Of them, those in use. */
  readonly walSenders: number;
  /** The server compares each page that it sends with the checksum in it. */
  readonly dataChecksums: boolean;
  /** `summarize_wal`: it knows which blocks its log has changed, so that an increment can be taken. From 17 on. */
  readonly summarizesWal: boolean;
  /** Of one file of the write-ahead log. */
  readonly segmentBytes: number;
  /** Of all databases, templates included. */
  readonly sizeBytes: number;
  readonly tablespaces: readonly Tablespace[];
}

/** One that lies outside of the data directory. */
export interface Tablespace {
  readonly oid: number;
  readonly name: string;
  /** Absolute, on the server. */
  readonly location: string;
}

export async function physicalFacts(server: PhysicalServer, signal: AbortSignal): Promise<PhysicalFacts> {
  return (await server.ask(server.entrance, FACTS, signal)) as PhysicalFacts;
}

/** A database whose size the user may not know is taken for empty. */
const FACTS = `
SELECT json_build_object(
  'version', current_setting('server_version'),
  'versionNumber', current_setting('server_version_num')::int,
  'inRecovery', pg_is_in_recovery(),
  'walLevel', current_setting('wal_level'),
  'maxWalSenders', current_setting('max_wal_senders')::int,
  'walSenders', (SELECT count(*) FROM pg_catalog.pg_stat_replication),
  'dataChecksums', current_setting('data_checksums') = 'on',
  'summarizesWal', coalesce(current_setting('summarize_wal', true) = 'on', false),
  'segmentBytes', pg_size_bytes(current_setting('wal_segment_size')),
  'sizeBytes', (
    SELECT sum(CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE 0 END)
    FROM pg_catalog.pg_database),
  'tablespaces', (
    SELECT coalesce(json_agg(t ORDER BY oid), '[]')
    FROM (SELECT oid::bigint, spcname AS name, pg_tablespace_location(oid) AS location FROM pg_catalog.pg_tablespace) AS t
    WHERE location LIKE '/%'))`;
