import { describeError, LifeboatError } from "../../../errors.ts";
import { exchange, identify, putNamesBack, type Exchange } from "../../../sources/postgres/exchange.ts";
import { dropDatabase, vantagePoint } from "../../../sources/postgres/load.ts";
import { patiently } from "../../../sources/postgres/patience.ts";
import type { PostgresServer } from "../../../sources/postgres/server.ts";
import { identifier, runSql } from "../../../sources/postgres/sql.ts";
import { withDeadline } from "../../../system/clock.ts";
import { failpoint } from "../../../system/failpoint.ts";
import type { Tools } from "../../conduct/tools.ts";
import type { Leftover } from "../file-work.ts";
import type { InPlaceJournal } from "../journal.ts";
import { serversAtLast } from "./servers.ts";
import type { DatabaseSwap } from "./swap-schema.ts";

type Needs = Pick<Tools, "findPostgres" | "clock" | "log">;

/** Sessions are given a minute to end; the rest is a matter of moments. */
const ACT_MS = 5 * 60 * 1000;

/** Looks up what both of each pair are, to be written down before the swap. */
export async function identifyDatabases(
  databases: readonly DatabaseSwap[],
  tools: Needs,
  signal: AbortSignal,
): Promise<readonly DatabaseSwap[]> {
  const found: DatabaseSwap[] = [];
  await onEach(databases, tools, signal, async (server, ofServer, limited) => {
    for (const one of ofServer) found.push({ ...one, ids: await identify(server, one, limited) });
  });
  return databases.map((one) => found.find(({ fresh, server }) => fresh === one.fresh && server === one.server)!);
}

/** The new databases take the names of the old ones; all of one server's in one transaction. */
export async function swapDatabases(
  databases: readonly DatabaseSwap[],
  tools: Needs,
  signal: AbortSignal,
): Promise<void> {
  await onEach(databases, tools, signal, async (server, ofServer, limited) => {
    await exchange(server, exchangesOf(ofServer), tools.clock, limited);
    await failpoint("in-place:databases-swapped", signal);
  });
}

/** Old databases back under their names, from wherever `swapDatabases` or an earlier call stopped. */
export async function undoDatabases(databases: readonly DatabaseSwap[], tools: Needs): Promise<void> {
  await onEach(databases, tools, toTheEnd, async (server, ofServer, limited) => {
    await putNamesBack(server, exchangesOf(ofServer), tools.clock, limited);
    await failpoint("in-place:databases-put-back");
  });
}

/**
 * Drops what a restore leaves behind on the servers, but for the `kept` part: the databases that were replaced, once
 * all is well on the new ones; else those the run made, and its roles. May be called again.
 */
export async function tidyServers(journal: InPlaceJournal, kept: Leftover | null, tools: Needs): Promise<void> {
  if (kept !== null) return;
  if (journal.phase === "finishing") await dropAll(journal.databases, ({ old }) => old, tools);
  else await dropMade(journal, tools);
}

async function dropMade({ databases, roles }: InPlaceJournal, tools: Needs): Promise<void> {
  await dropAll(databases, ({ fresh }) => fresh, tools);
  await onEach(roles, tools, toTheEnd, async (server, ofServer, limited) => {
    const from = await vantagePoint(server, [], limited);
    for (const role of ofServer.flatMap((one) => one.roles)) {
      try {
        await runSql(server, from, { what: "drop a role", sql: `DROP ROLE IF EXISTS ${identifier(role)};` }, limited);
      } catch (error) {
        // Someone has begun to use it: then it is theirs.
        tools.log.warn("a role made for the restore stays", { role, error: describeError(error) });
      }
    }
  });
}

/** Undoing and tidying up must run to their end while everything else is being cancelled. */
const toTheEnd = new AbortController().signal;

async function dropAll(
  databases: readonly DatabaseSwap[],
  which: (one: DatabaseSwap) => string,
  tools: Needs,
): Promise<void> {
  await onEach(databases, tools, toTheEnd, async (server, ofServer, limited) => {
    for (const one of ofServer) {
      const from = await vantagePoint(server, [one.name, one.fresh, one.old], limited);
      await dropDatabase(server, { name: which(one), from }, tools.clock, limited);
      await failpoint("in-place:database-dropped");
    }
  });
}

function exchangesOf(databases: readonly DatabaseSwap[]): readonly Exchange[] {
  return databases.flatMap(({ ids, ...names }) => (ids ? [{ ...names, ...ids }] : []));
}

/** Does something on each server, again while that is away for a moment, with a deadline. */
async function onEach<T extends { readonly server: string }>(
  all: readonly T[],
  tools: Needs,
  signal: AbortSignal,
  act: (server: PostgresServer, ofServer: readonly T[], limited: AbortSignal) => Promise<void>,
): Promise<void> {
  const names = new Set(all.map(({ server }) => server));
  if (names.size === 0) return;
  for (const [name, server] of await serversAtLast(names, tools, signal)) {
    const late = () =>
      new LifeboatError("failed", `PostgreSQL server '${name}' did not answer within ${ACT_MS / 1000} s`);
    using limited = withDeadline(ACT_MS, late, signal);
    const ofServer = all.filter((one) => one.server === name);
    await patiently(() => act(server, ofServer, limited), ACT_MS, tools.clock, limited);
  }
}
