import { describeError } from "../../../errors.ts";
import { explained, PostgresError } from "../failure.ts";
import type { PhysicalServer } from "../server.ts";

/** What `error`, from a WAL sender or from pg_basebackup, means. `what` is what could not be done. */
export function explainedPhysical(error: unknown, what: string, server: PhysicalServer): PostgresError {
  const { name, user } = server;
  const said = describeError(error);
  const message = `cannot ${what} of PostgreSQL server '${name}'`;
  if (/permission denied to start WAL sender|must be superuser or replication role/.test(said)) {
    return new PostgresError(`${message}: user '${user}' may not copy it`, {
      hint: `Run on the server, as a superuser: ALTER ROLE "${user}" REPLICATION`,
      cause: error,
    });
  }
  if (/no pg_hba\.conf entry for replication/.test(said)) {
    return new PostgresError(`${message}: pg_hba.conf does not let user '${user}' in for replication`, {
      hint: `A line for 'all' databases does not mean it. Add "host replication ${user} samenet scram-sha-256" to it, and reload: SELECT pg_reload_conf().`,
      cause: error,
    });
  }
  if (/requested standby connections exceeds/.test(said)) {
    return new PostgresError(`${message}: no WAL sender is free`, {
      passing: true,
      hint: "A base backup takes two: raise max_wal_senders, and restart the server.",
      cause: error,
    });
  }
  if (/replication slots are in use|max_replication_slots"? > 0/.test(said)) {
    return new PostgresError(`${message}: no replication slot is free`, {
      passing: /are in use/.test(said),
      hint: "A base backup takes one while it lasts: raise max_replication_slots, and restart the server.",
      cause: error,
    });
  }
  if (/No space left on device/.test(said)) {
    return new PostgresError(`${message}: there is no space left for it`, {
      hint: "A base backup lies in full in BACKUP_STATE before it is sealed. Free some space, or mount a larger volume there.",
      cause: error,
    });
  }
  return explained(error, what, server);
}
