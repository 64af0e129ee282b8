import type { PostgresServer } from "./server.ts";
import { isRefusal, isUnreachable, isUntrusted, isWithoutTls } from "./sqlstate.ts";
import { describeError, LifeboatError } from "../../errors.ts";

/** Why a server could not be asked or dumped. */
export class PostgresError extends LifeboatError {
  /** The server may answer in a moment: it is starting, out of connections, or not to be reached. */
  readonly passing: boolean;
  /** The database does not exist. */
  readonly absent: boolean;

  constructor(
    message: string,
    {
      passing = false,
      absent = false,
      ...options
    }: { passing?: boolean; absent?: boolean; hint?: string; cause?: unknown } = {},
  ) {
    super("failed", message, options);
    this.name = "PostgresError";
    this.passing = passing;
    this.absent = absent;
  }
}

/** What `error`, from a question to `server` or from one of its programs, means. `what` is what could not be done. */
export function explained(error: unknown, what: string, server: Refused): PostgresError {
  const { name, user } = server;
  const code = codeOf(error);
  const said = describeError(error);
  const message = `cannot ${what} of PostgreSQL server '${name}'`;
  const full = { cause: error };
  if (code === "3D000" || /database "[^"]*" does not exist/.test(said)) {
    return new PostgresError(message, { ...full, absent: true, hint: "Correct its name, or leave it out." });
  }
  if (isRefusal(code, said)) {
    return new PostgresError(`${message}: user '${user}' is not let in`, {
      ...full,
      hint: server.programs === "server" ? LABEL_HINT : URL_HINT,
    });
  }
  if (isUntrusted(said)) {
    return new PostgresError(`${message}: its certificate is refused`, { ...full, hint: CERTIFICATE_HINT });
  }
  if (isWithoutTls(said)) {
    return new PostgresError(`${message}: it offers no TLS`, { ...full, hint: NO_TLS_HINT });
  }
  if (isUnreachable(code, said)) {
    return new PostgresError(message, {
      ...full,
      passing: true,
      hint: "Check that the server runs, that it takes one more connection, and that it is in a network of this container.",
    });
  }
  if (LOCKED_WORDS.test(said)) {
    return new PostgresError(`${message}: a table is locked`, {
      ...full,
      hint: "Something holds an ACCESS EXCLUSIVE lock (ALTER TABLE, VACUUM FULL, TRUNCATE): see pg_locks. Raise BACKUP_POSTGRES_TIMEOUT to wait longer.",
    });
  }
  if (/permission denied/.test(said) || code === "42501") {
    return new PostgresError(`${message}: user '${user}' may not read all of it`, {
      ...full,
      hint: `GRANT pg_read_all_data TO ${user} lets it read everything; with row-level security it also needs BYPASSRLS.`,
    });
  }
  return new PostgresError(message, full);
}

type Refused = Pick<PostgresServer, "name" | "user" | "programs">;

const URL_HINT = "Check the user, the password (BACKUP_POSTGRES_PASSWORD or PGPASSFILE) and pg_hba.conf.";
const LABEL_HINT =
  "Name a user whom pg_hba.conf lets in over the local socket, with the label lifeboat.postgres.user; without it, that is the one that the container's environment names, such as POSTGRES_USER.";

const CERTIFICATE_HINT =
  "Name the file of the authority that issued it with sslrootcert=, and the server as its certificate does; look whether it has expired (openssl s_client -starttls postgres -connect HOST:PORT).";
const NO_TLS_HINT =
  "Switch it on there (ssl = on). With sslmode=disable all data and hashes of passwords would cross the network in clear.";

/** pg_dump waits for its locks under a statement timeout. */
const LOCKED_WORDS = /due to lock timeout|due to statement timeout.*LOCK TABLE/;

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
