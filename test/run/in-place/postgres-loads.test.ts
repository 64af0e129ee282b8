import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { docker } from "../../servers/programs.ts";
import type { Major, PostgresServer } from "../../servers/postgres.ts";
import { startSidecar, type Ended, type Settings, type Sidecar } from "../../sources/postgres/sidecar.ts";
import { AS_OLD_PSQL, BOUND, installExtension, RESTORING } from "./strange-extensions.ts";

const RESTORE = ["restore", "latest", "--in-place", "--yes"];
const majors: readonly Major[] = [15, 17];

let sidecar: Sidecar;
const servers = new Map<Major, PostgresServer>();

before(async () => {
  sidecar = await startSidecar();
  const labels = { "lifeboat.postgres": "true", "lifeboat.postgres.databases": "app" };
  for (const major of majors) servers.set(major, await sidecar.server(major, `pg${major}`, { labels }));
  await Promise.all([...servers.values()].map((server) => server.ready()));
});
after(() => sidecar[Symbol.asyncDispose]());

const labelled = (): Settings => ({ BACKUP_DOCKER_PROJECT: sidecar.network });
const urls = (...some: readonly PostgresServer[]): Settings => ({
  BACKUP_POSTGRES: some.map(({ host, password }) => `postgres://app:${password}@${host}/app`).join(" "),
});
const restore = (env: Settings, only = ".databases") => sidecar.lifeboat([...RESTORE, "--only", only], env);
const pathOn = (major: Major) => `.databases/pg${major}/app.pgdump`;

function succeeded({ exitCode, stdout, stderr }: Ended): void {
  assert.equal(exitCode, 0, stdout + stderr);
}

function refused({ exitCode, stdout, stderr }: Ended, words: RegExp): void {
  assert.equal(exitCode, 1, stdout + stderr);
  assert.match(stdout + stderr, words);
  assert.doesNotMatch(stderr, /step=hold/, "nothing was touched");
}

async function namesOn(server: PostgresServer): Promise<string> {
  return await server.sql("SELECT string_agg(datname, ' ' ORDER BY 1) FROM pg_database", "template1");
}

async function afresh(server: PostgresServer, sql: string): Promise<void> {
  await server.sql("DROP DATABASE IF EXISTS app WITH (FORCE)", "postgres");
  await server.sql("CREATE DATABASE app", "postgres");
  await server.sql(sql);
}

/** One writes down every command, the other forbids what pg_restore does last. */
const EVENT_TRIGGERS = `
CREATE TABLE t (i int); INSERT INTO t VALUES (1), (2);
CREATE MATERIALIZED VIEW m AS SELECT * FROM t;
CREATE TABLE seen (tag text);
CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (tg_tag); END $$;
CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no % here', tg_tag; END $$;
CREATE EVENT TRIGGER see ON ddl_command_end EXECUTE FUNCTION see();
COMMENT ON EVENT TRIGGER see IS 'all of it';
CREATE EVENT TRIGGER "for bid" ON ddl_command_start WHEN TAG IN ('REFRESH MATERIALIZED VIEW') EXECUTE FUNCTION forbid();
ALTER EVENT TRIGGER see ENABLE ALWAYS;
TRUNCATE seen;`;
const LOGIN_TRIGGER = `
CREATE FUNCTION came() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES ('login'); END $$;
CREATE EVENT TRIGGER came ON login EXECUTE FUNCTION came(); ALTER EVENT TRIGGER came ENABLE ALWAYS;`;
const TRIGGERS = `SET event_triggers = off; SELECT evtname, evtenabled, obj_description(oid) FROM pg_event_trigger ORDER BY 1;
  SELECT count(*) FROM m; SELECT tag FROM seen WHERE tag NOT IN ('login', 'CREATE FUNCTION')`;

for (const way of ["by label", "by URL"] as const) {
  test(`event triggers fire at nothing that a restore ${way} does`, async () => {
    await afresh(servers.get(15)!, EVENT_TRIGGERS);
    await afresh(servers.get(17)!, EVENT_TRIGGERS + LOGIN_TRIGGER);
    const env = way === "by label" ? labelled() : urls(...servers.values());
    await sidecar.backup(env, way === "by label" ? 0 : 3);
    for (const major of majors) succeeded(await restore(env, pathOn(major)));
    const old = await servers.get(15)!.sql(TRIGGERS.replace("SET event_triggers = off;", ""));
    assert.equal(old, "for bid|O|\nsee|A|all of it\n2");
    assert.equal(await servers.get(17)!.sql(TRIGGERS), "came|A|\nfor bid|O|\nsee|A|all of it\n2");
  });
}

/** Each of them calls norm(), which it finds by the search_path of whoever asks; of an extension in a schema of its own, too. */
const BY_SEARCH_PATH = `
CREATE SCHEMA tools; CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext;
ALTER DATABASE app SET search_path = "$user", tools;
SET search_path = public, tools, ext;
CREATE FUNCTION tools.norm(t text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower(t)';
CREATE FUNCTION public.slug(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN norm(t); END $$;
CREATE FUNCTION public.same(t text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN t::citext = 'x'; END $$;
CREATE DOMAIN name AS text CHECK (public.slug(value) <> '');
CREATE TABLE generated (t text, s text GENERATED ALWAYS AS (public.slug(t)) STORED, b bool GENERATED ALWAYS AS (public.same(t)) STORED);
INSERT INTO generated VALUES ('X'), ('Y');
CREATE TABLE checked (t text CHECK (public.slug(t) <> ''), n name); INSERT INTO checked VALUES ('X', 'Y');`;
const MORE_BEFORE_17 = `
CREATE INDEX by_slug ON generated (public.slug(t)); CREATE MATERIALIZED VIEW slugs AS SELECT public.slug(t) FROM generated;`;
const FOUND = "SELECT t, s, b FROM public.generated ORDER BY 1; SELECT * FROM public.checked";

test("functions that find others by search_path are loaded with that of the applications, or the restore is refused", async () => {
  await afresh(servers.get(15)!, BY_SEARCH_PATH + MORE_BEFORE_17);
  await afresh(servers.get(17)!, BY_SEARCH_PATH);
  await sidecar.backup(labelled());
  for (const major of majors) {
    const server = servers.get(major)!;
    await server.sql("DROP TABLE public.generated CASCADE");
    const ended = await restore(labelled(), pathOn(major));
    succeeded(ended);
    assert.match(ended.stderr, /loaded with that of its applications database=pg\d+\/app searchPath=.*tools.*ext/);
    assert.equal(await server.sql(FOUND), "X|x|t\nY|y|f\nX|Y");
  }
  assert.equal(await servers.get(15)!.sql("SELECT * FROM public.slugs ORDER BY 1"), "x\ny");

  const db = servers.get(17)!;
  await db.sql("ALTER DATABASE app RESET search_path");
  const said = await sidecar.backup(labelled(), 3);
  assert.match(said, /does not load by itself: function slug\(text\) calls norm\(\) of schema tools/);
  assert.doesNotMatch(said, /pg15\/app.*does not load/);
  const names = await namesOn(db);
  refused(
    await restore(labelled(), pathOn(17)),
    /function norm\(text\) does not exist.*ALTER FUNCTION … SET search_path/s,
  );
  assert.equal(await namesOn(db), names);
});

test("what the image's pg_dump wrote of older servers is loaded by label, by URL and by README.txt", async () => {
  const ROWS = "SELECT * FROM t ORDER BY 1";
  for (const server of servers.values()) await afresh(server, EVENT_TRIGGERS + "INSERT INTO t VALUES (3)");
  await sidecar.backup(urls(...servers.values()), 3);
  const to = "by-hand";
  succeeded(await sidecar.lifeboat(["restore", "latest", "--to", `/x/${to}`]));
  const readme = await sidecar.sh(`cat /x/${to}/.databases/README.txt`);
  for (const [major, server] of servers) {
    const { host, password } = server;
    const part = readme.stdout.split(/^Server /m).find((text) => text.startsWith(`${host},`)) ?? "";
    const [create = "", ...commands] = part
      .split("\n")
      .filter((line) => /^ {2}(createdb|pg_restore|awk|sed) /.test(line));
    await server.sql("DROP DATABASE app WITH (FORCE)", "postgres");
    const created = await server.sh(`PGUSER=app ${create}`);
    assert.equal(created.exitCode, 0, created.stderr);
    const env = `export PGHOST=${host} PGUSER=app PGPASSWORD=${password}; cd /x/${to}/.databases/${host}`;
    succeeded(await sidecar.sh(["set -eu", env, ...commands].join("\n")));
    assert.equal(await server.sql(ROWS), "1\n2\n3", `${major} by hand`);
    await server.sql("DELETE FROM t");
    succeeded(await restore(urls(server), pathOn(major)));
    assert.equal(await server.sql(ROWS), "1\n2\n3", `${major} by URL`);
    await server.sql("DELETE FROM t");
    // A psql of a minor release that does not know yet what this image's pg_restore begins with.
    await server.sh(AS_OLD_PSQL);
    succeeded(await restore(labelled(), pathOn(major)));
    await server.sh("rm /usr/local/bin/psql");
    assert.equal(await server.sql(ROWS), "1\n2\n3", `${major} by label`);
  }
});

test("an extension that only a database of one name may have comes with the name, or the restore is refused", async () => {
  const db = servers.get(17)!;
  await installExtension(db, BOUND);
  await afresh(
    db,
    "CREATE EXTENSION pg_cron; INSERT INTO cron.job (command) VALUES ('VACUUM'); CREATE TABLE t (i int)",
  );
  await sidecar.backup(labelled());
  await db.sql("TRUNCATE cron.job; DROP TABLE t");
  succeeded(await restore(labelled(), pathOn(17)));
  const rows = "SELECT jobid, command FROM cron.job; SELECT count(*) FROM t; SELECT nextval('cron.job_jobid_seq')";
  assert.equal(await db.sql(rows), "1|VACUUM\n0\n2");
  await db.sql("DROP DATABASE app WITH (FORCE)", "postgres");
  succeeded(await restore(labelled(), pathOn(17)));
  assert.equal(await db.sql(rows), "1|VACUUM\n0\n2");

  await db.sql("CREATE TABLE unwelcome ()");
  await sidecar.backup(labelled());
  await db.sql("DROP TABLE unwelcome; INSERT INTO t VALUES (7)");
  const names = await namesOn(db);
  const undone = await restore(labelled(), pathOn(17));
  assert.equal(undone.exitCode, 1, undone.stderr);
  assert.match(undone.stderr, /the restore was rolled back; everything is as it was.*it does not want to/);
  assert.equal(await db.sql("SELECT count(*) FROM t; SELECT command FROM cron.job"), "1\nVACUUM");
  assert.equal(await namesOn(db), names);

  await db.sql("CREATE VIEW jobs AS SELECT * FROM cron.job");
  await sidecar.backup(labelled());
  refused(
    await restore(labelled(), pathOn(17)),
    /needs extension 'pg_cron', which only a database named 'app' can have/,
  );
  await db.sh(`sed -i "s/^cron.database_name.*/cron.database_name = 'other'/" "$PGDATA/postgresql.conf"`);
  await docker("restart", db.container);
  await db.ready();
  const planned = await sidecar.lifeboat(
    ["restore", "latest", "--in-place", "--dry-run", "--only", pathOn(17)],
    labelled(),
  );
  refused(planned, /only its database 'other' may have extension 'pg_cron', which 'app' has \(cron.database_name\)/);
});

test("an extension that has to know of a restore is told, and one that is not preloaded is named", async () => {
  const db = servers.get(17)!;
  await installExtension(db, RESTORING);
  await afresh(
    db,
    "CREATE SCHEMA ts; CREATE EXTENSION timescaledb SCHEMA ts; SET timescaledb.restoring = on; INSERT INTO ts.chunk VALUES (1);" +
      EVENT_TRIGGERS,
  );
  await sidecar.backup(labelled());
  await db.sql("SET timescaledb.restoring = on; TRUNCATE ts.chunk");
  succeeded(await restore(labelled(), pathOn(17)));
  assert.equal(await db.sql("SELECT * FROM ts.chunk; SELECT * FROM ts.told"), "1\nrestored");
  await db.sh(`sed -i "s/^shared_preload_libraries.*//" "$PGDATA/postgresql.conf"`);
  await docker("restart", db.container);
  await db.ready();
  const planned = await sidecar.lifeboat(
    ["restore", "latest", "--in-place", "--dry-run", "--only", pathOn(17)],
    labelled(),
  );
  refused(planned, /extension 'timescaledb' of 'app' has to be in its shared_preload_libraries, which are ''/);
});
