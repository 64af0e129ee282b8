import { duration, folder, secret } from "./kinds.ts";
import { postgresUrls } from "./postgres-url.ts";
import type { Setting } from "./setting.ts";

/** PostgreSQL servers that are saved over the network. To be dumped, containers need none of it: they have a label. */
export const POSTGRES_SETTINGS = {
  BACKUP_POSTGRES: {
    group: "PostgreSQL",
    kind: postgresUrls,
    meaning:
      "Servers whose databases are dumped over the network; `/*` or no database means all but templates. A server that " +
      "runs in a container of the stack needs none of this, but the label `lifeboat.postgres=true`. Other options: " +
      "`?sslmode=` (`disable`, `prefer`, `require`, `verify-ca`, `verify-full`) and `sslrootcert=`.",
    example: "postgres://backup@db.example.com/app?sslmode=verify-full",
  },
  BACKUP_POSTGRES_PHYSICAL: {
    group: "PostgreSQL",
    kind: postgresUrls,
    meaning:
      "Servers that are copied as a whole, with `pg_basebackup`: a data directory that can be started. The user needs " +
      "`REPLICATION`, and a line for `replication` in pg_hba.conf. A database in the URL (else `postgres`) is the one " +
      "that is asked about the server. Options as for `BACKUP_POSTGRES`.",
    example: "postgres://replicator@db.example.com",
  },
  BACKUP_POSTGRES_PASSWORD: {
    group: "PostgreSQL",
    kind: secret,
    secret: true,
    meaning: "Password for the servers of `BACKUP_POSTGRES` and `BACKUP_POSTGRES_PHYSICAL` whose URL has none.",
  },
  PGPASSFILE: {
    group: "PostgreSQL",
    kind: folder,
    meaning: "Instead of it: libpq's password file, for several servers. It must have mode 0600.",
    example: "/run/secrets/pgpass",
  },
  BACKUP_POSTGRES_TIMEOUT: {
    group: "PostgreSQL",
    kind: duration(1000),
    default: "1h",
    meaning:
      "How long the dump of one database, or the copy of one server, and its check may take. Of it, at most a minute and " +
      "at most half is spent on waiting for a lock, and at most a minute on a server that is starting or full. The same " +
      "for each step of `restore-rows`.",
  },
} as const satisfies Readonly<Record<string, Setting>>;
