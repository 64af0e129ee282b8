import { describeError } from "../../errors.ts";
import type { Clock } from "../../system/clock.ts";
import { failpoint } from "../../system/failpoint.ts";
import { PostgresError } from "./failure.ts";
import type { PostgresServer } from "./server.ts";
import { identifier, literal, runSql, type Act } from "./sql.ts";

/** A session that is told to end does so at its next look, within milliseconds; one that writes a lot rolls back first. */
const END_MS = 60_000;

/**
 * Lets nobody into the databases any more, ends every session in them, and does `act`, again and again until it is done:
 * the server refuses to rename or drop what someone is in. Whom they let in after that, `act` says. The databases stay
 * closed if this rejects. Those that are not there are passed over.
 */
export async function endSessions(
  server: PostgresServer,
  { databases, from }: { readonly databases: readonly string[]; readonly from: string },
  act: Act,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const names = databases.map(literal).join(", ");
  // datconnlimit -2: a DROP DATABASE that was cut off; it lets nobody in, and can only be dropped again.
  const there = `SELECT coalesce(json_agg(datname), '[]') FROM pg_catalog.pg_database WHERE datname IN (${names}) AND datconnlimit <> -2`;
  const found = databases.length === 0 ? [] : ((await server.ask(from, there, signal)) as string[]);
  const closing = found.map((name) => `ALTER DATABASE ${identifier(name)} ALLOW_CONNECTIONS false;`).join("\n");
  const until = clock.elapsedMs() + END_MS;
  for (let isFirst = true; ; isFirst = false) {
    if (found.length > 0) {
      if (isFirst) {
        await runSql(server, from, { what: "close databases", sql: closing }, signal);
        await failpoint("postgres:closed", signal);
      }
      const end = `SELECT json_build_array(count(pg_terminate_backend(pid))) FROM pg_catalog.pg_stat_activity WHERE datname IN (${names})`;
      await server.ask(from, end, signal);
    }
    try {
      return await runSql(server, from, act, signal);
    } catch (error) {
      signal.throwIfAborted();
      const isInUse = /is being accessed by other users/.test(describeError(error));
      if (!isInUse || clock.elapsedMs() > until) throw isInUse ? busy(act.what, server, error) : error;
    }
    await clock.sleep(200, signal);
  }
}

function busy(what: string, { name }: PostgresServer, cause: unknown): PostgresError {
  return new PostgresError(`cannot ${what} of PostgreSQL server '${name}': someone stays in it`, {
    cause,
    hint: "See pg_stat_activity and pg_prepared_xacts.",
  });
}
