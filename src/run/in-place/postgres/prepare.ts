import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openSelected } from "../../../archive/extract.ts";
import { extractingTar } from "../../../archive/tar-extraction.ts";
import { readableDump, type DumpFile } from "../../../sources/postgres/dump-file.ts";
import { rolesOf } from "../../../sources/postgres/globals.ts";
import { patiently } from "../../../sources/postgres/patience.ts";
import { refuseUnready, standingOf, type Standing } from "../../../sources/postgres/readiness.ts";
import type { PostgresServer } from "../../../sources/postgres/server.ts";
import type { Fetched } from "../../catalogue/fetch.ts";
import type { Found } from "../../catalogue/find.ts";
import { requireSpace, type Spool } from "../../conduct/spool.ts";
import type { Tools } from "../../conduct/tools.ts";
import type { Chosen, ChosenDatabase } from "./choose.ts";
import { serversOf } from "./servers.ts";

/** A database that can be restored: its server is ready, its dump lies in the spool. */
export interface ReadyDatabase extends ChosenDatabase {
  readonly on: PostgresServer;
  readonly dump: DumpFile;
  /** Null: the server has none of that name. */
  readonly nowBytes: number | null;
}

/** Roles that the server does not have, and the SQL of all roles of then. */
export interface MissingRoles {
  readonly on: PostgresServer;
  readonly roles: readonly string[];
  readonly globals: string;
}

export interface Prepared {
  readonly databases: readonly ReadyDatabase[];
  readonly missingRoles: readonly MissingRoles[];
}

/**
 * Finds the servers, asks whether they can take the databases, and unpacks the dumps into the spool. All of the archive
 * has been checked when this resolves. Changes nothing on the servers. Rejects with everything that stands in the way
 * of one server; what cannot be loaded there is among that.
 */
export async function prepareDatabases(
  { databases, globals }: Chosen,
  { found, fetched, spool }: { readonly found: Found; readonly fetched: Fetched; readonly spool: Spool },
  tools: Tools,
  signal: AbortSignal,
): Promise<Prepared> {
  if (databases.length === 0) return { databases: [], missingRoles: [] };
  const servers = await serversOf(new Set(databases.map(({ server }) => server)), tools, signal);
  const standings = new Map<string, Standing>();
  for (const [name, server] of servers) {
    const ofServer = databases.filter((one) => one.server === name);
    const names = ofServer.map((one) => one.name);
    const { clock, config } = tools;
    const ask = () => standingOf(server, names, signal);
    const standing = await patiently(ask, config.postgresTimeoutMs, clock, signal);
    refuseUnready(server, standing, new Map(ofServer.map((one) => [one.name, one.recorded])));
    standings.set(name, standing);
  }
  const wanted = [...databases.map(({ path, dumpBytes }) => ({ path, sizeBytes: dumpBytes })), ...globals.values()];
  const folder = await unpack(wanted, { found, fetched, spool }, tools, signal);
  const ready: ReadyDatabase[] = [];
  for (const one of databases) {
    const on = servers.get(one.server)!;
    const dump = await readableDump(join(folder, one.path), on, signal);
    const now = standings.get(one.server)?.databases.find(({ name }) => name === one.name);
    ready.push({ ...one, on, dump, nowBytes: now?.sizeBytes ?? null });
  }
  const missingRoles: MissingRoles[] = [];
  for (const [server, { path }] of globals) {
    const text = await readFile(join(folder, path), "utf8");
    const known = new Set(standings.get(server)?.roles);
    const roles = rolesOf(text).filter((role) => !known.has(role));
    if (roles.length > 0) missingRoles.push({ on: servers.get(server)!, roles, globals: text });
  }
  return { databases: ready, missingRoles };
}

/** Gives the folder that the paths are relative to. */
async function unpack(
  wanted: readonly { readonly path: string; readonly sizeBytes: number }[],
  { found, fetched, spool }: { readonly found: Found; readonly fetched: Fetched; readonly spool: Spool },
  { config, keys, progress }: Tools,
  signal: AbortSignal,
): Promise<string> {
  const { id, archive } = found.backup.receipt;
  const needed = wanted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  await requireSpace(config.state, needed, "to unpack the dumps");
  const folder = await spool.makeFolder("dumps");
  const only = wanted.map(({ path }) => Buffer.from(`backup/${path}`));
  using bar = progress.start("unpack the dumps", archive.contentBytes);
  const onProgress = (bytes: number) => bar.at(bytes);
  const { contentBytes, tarBytes } = archive;
  const request = { ...fetched, id, contentBytes, tarBytes, keys, only, onProgress };
  await extractingTar({ folder, tar: await openSelected(request, signal) }, signal);
  return join(folder, "backup");
}
