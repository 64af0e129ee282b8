import { docker } from "../../servers/programs.ts";
import type { PostgresServer } from "../../servers/postgres.ts";

/** An extension in SQL that behaves at a load as the one that it is called after. */
export interface StrangeExtension {
  readonly name: string;
  readonly sql: string;
  /** Lines for postgresql.conf. */
  readonly settings: readonly string[];
}

/** As pg_cron: only the database that a setting names may have it; and never beside the table `unwelcome`. */
export const BOUND: StrangeExtension = {
  name: "pg_cron",
  settings: ["shared_preload_libraries = 'pg_cron'", "cron.database_name = 'app'"],
  sql: `
DO $$ BEGIN
  IF current_database() <> current_setting('cron.database_name') THEN
    RAISE EXCEPTION 'can only create extension in database %', current_setting('cron.database_name');
  END IF;
  IF to_regclass('public.unwelcome') IS NOT NULL THEN RAISE EXCEPTION 'it does not want to'; END IF;
END $$;
CREATE SCHEMA cron;
CREATE TABLE cron.job (jobid bigserial PRIMARY KEY, command text);
SELECT pg_extension_config_dump('cron.job', '');
SELECT pg_extension_config_dump('cron.job_jobid_seq', '');`,
};

/** As TimescaleDB: takes its own rows only while it is told of a restore, whose end it wants to hear of. */
export const RESTORING: StrangeExtension = {
  name: "timescaledb",
  settings: ["shared_preload_libraries = 'timescaledb'"],
  sql: `
CREATE TABLE chunk (i int); CREATE TABLE told (t text);
SELECT pg_extension_config_dump('chunk', '');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF current_setting('timescaledb.restoring', true) IS DISTINCT FROM 'on' THEN RAISE EXCEPTION 'it is not being restored'; END IF;
  RETURN new;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON chunk FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE FUNCTION timescaledb_post_restore() RETURNS boolean LANGUAGE sql AS $$ INSERT INTO @extschema@.told VALUES ('restored'); SELECT true $$;`,
};

/** Installs it, with another library under its name, and starts the server anew. */
export async function installExtension(
  server: PostgresServer,
  { name, sql, settings }: StrangeExtension,
): Promise<void> {
  const { stdout, stderr } = await server.sh(`set -e
    cd "$(pg_config --sharedir 2>/dev/null || echo /usr/share/postgresql/17)/extension"
    printf "default_version = '1'\\nrelocatable = false\\n" >${name}.control
    cat >${name}--1.sql <<'SQL'
${sql}
SQL
    library=$(find / -name auto_explain.so -print -quit 2>/dev/null || true)
    cp "$library" "$(dirname "$library")/${name}.so"
    cat >>"$PGDATA/postgresql.conf" <<'CONF'
${settings.join("\n")}
CONF
    echo done`);
  if (!stdout.endsWith("done")) throw new Error(stderr);
  await docker("restart", server.container);
  await server.ready();
}

/** For a script: puts before the server's psql one as it was before the releases of August 2025. */
export const AS_OLD_PSQL = String.raw`set -e
cat >/usr/local/bin/psql <<'SH'
#!/bin/sh
case " $* " in *" --version "*) echo 'psql (PostgreSQL) 15.3'; exit ;; esac
said=$(mktemp); cat >"$said"
if grep -q '^\\\(un\)\{0,1\}restrict ' "$said"; then echo 'psql: error: invalid command \restrict' >&2; exit 3; fi
/usr/bin/psql "$@" <"$said"; code=$?; rm "$said"; exit $code
SH
chmod +x /usr/local/bin/psql`;
