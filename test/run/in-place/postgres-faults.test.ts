import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { PostgresServer } from "../../servers/postgres.ts";
import { startSidecar, type Ended, type Settings, type Sidecar } from "../../sources/postgres/sidecar.ts";
import { ACCOUNTS, startWriter, SUMS } from "../../sources/postgres/transfers.ts";

const RESTORE = ["restore", "latest", "--in-place", "--yes"];
const LABELS = { "lifeboat.postgres": "true" };

let sidecar: Sidecar;
let db: PostgresServer;

before(async () => {
  sidecar = await startSidecar();
  db = await sidecar.server(17, "db", { labels: { ...LABELS, "lifeboat.postgres.databases": "*" } });
  await db.ready();
  await db.sql("CREATE EXTENSION pg_trgm; CREATE TABLE moments (name text); INSERT INTO moments VALUES ('then')");
  await db.sql(ACCOUNTS);
});
after(() => sidecar[Symbol.asyncDispose]());

const labelled = (more: Settings = {}): Settings => ({ BACKUP_DOCKER_PROJECT: sidecar.network, ...more });
const restore = (...args: readonly string[]) => sidecar.lifeboat([...RESTORE, ...args], labelled());

function succeeded({ exitCode, stdout, stderr }: Ended): void {
  assert.equal(exitCode, 0, stdout + stderr);
}

function refused({ exitCode, stdout, stderr }: Ended, words: RegExp): void {
  assert.equal(exitCode, 1, stdout + stderr);
  assert.match(stdout + stderr, words);
}

async function namesOn(server: PostgresServer): Promise<string> {
  const sql = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate";
  return await server.sql(sql, "template1");
}

test("a role that is missing is made from the globals with its password and memberships, others stay as they are", async () => {
  await db.sql(`
    CREATE ROLE team; CREATE ROLE "odd; ""role""" LOGIN PASSWORD 'hush' IN ROLE team; CREATE ROLE stays CONNECTION LIMIT 3;
    ALTER ROLE "odd; ""role""" SET work_mem = '7MB'; GRANT SELECT ON moments TO team, "odd; ""role""";`);
  const ROLES = `SELECT rolname, rolpassword, rolconnlimit, setconfig FROM pg_authid a LEFT JOIN pg_db_role_setting s ON setrole = a.oid
    WHERE rolname IN ('team', 'odd; "role"') ORDER BY 1; SELECT roleid::regrole, member::regrole FROM pg_auth_members
    WHERE roleid = 'team'::regrole`;
  const before = await db.sql(ROLES);
  await sidecar.backup(labelled());
  await db.sql(`DROP OWNED BY team; DROP OWNED BY "odd; ""role"""; DROP ROLE "odd; ""role"""; DROP ROLE team;
    ALTER ROLE stays CONNECTION LIMIT 4; UPDATE moments SET name = 'now'`);
  const ended = await restore("--only", ".databases/db/app.pgdump");
  succeeded(ended);
  assert.match(
    ended.stderr,
    /roles made in PostgreSQL server 'db', which has none of that name: 'odd; "role"', 'team'/,
  );
  assert.doesNotMatch(ended.stdout + ended.stderr, /SCRAM|hush/);
  assert.equal(await db.sql(ROLES), before);
  assert.equal(await db.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'stays'"), "4");
  assert.equal(await db.sql(`SET ROLE "odd; ""role"""; SELECT name FROM moments`), "then");
});

test("--keep-old keeps the old database with its newest rows, lets nobody in, and no backup has it", async () => {
  await db.sql("UPDATE moments SET name = 'newest'");
  const ended = await restore("--only", ".databases/db", "--keep-old");
  succeeded(ended);
  const [, old = ""] = /old database kept; it lets nobody in server=db database=(app_old_\w+)/.exec(ended.stderr) ?? [];
  assert.match(await namesOn(db), new RegExp(`app ${old} postgres`));
  assert.equal(await db.sql("SELECT name FROM moments"), "then");
  await assert.rejects(db.sql("SELECT 1", old), /not currently accepting connections/);
  await sidecar.backup(labelled());
  assert(!(await sidecar.sources()).some(({ name }) => name.includes("_old_")));
  await db.sql(`ALTER DATABASE ${old} ALLOW_CONNECTIONS true`, "postgres");
  assert.equal(await db.sql("SELECT name FROM moments", old), "newest");
  const kept = (await namesOn(db)).split(" ").filter((name) => name.includes("_old_"));
  for (const name of kept) await db.sql(`DROP DATABASE ${name}`);
});

test("sessions that come again and again are thrown out at the swap, and write to the new database after it", async () => {
  const stop = await startWriter(db);
  await sidecar.backup(labelled());
  succeeded(await restore("--only", ".databases/db/app.pgdump"));
  await stop().catch(() => "its session was ended");
  assert.equal(await db.sql(SUMS), "t\nt", "no transfer is half there");
  assert.equal(await namesOn(db), "app postgres");
  assert.equal(await db.crashes(), 0);
});

test("a dump that does not load ends the restore before anything is held, and leaves nothing behind", async () => {
  await db.sh("mkdir /tmp/space && chown postgres /tmp/space && chmod 700 /tmp/space");
  await db.sql("CREATE TABLESPACE space LOCATION '/tmp/space'");
  await db.sql("CREATE TABLE there (x int) TABLESPACE space");
  await sidecar.backup(labelled());
  await db.sql("DROP TABLE there; UPDATE moments SET name = 'newest'");
  await db.sql("DROP TABLESPACE space");
  const ended = await restore();
  refused(ended, /cannot load the dump into 'app_new_\w+' of PostgreSQL server 'db': .*"space"/);
  assert.doesNotMatch(ended.stderr, /step=hold/);
  assert.equal(await namesOn(db), "app postgres");
  assert.equal(await db.sql("SELECT name FROM moments"), "newest");
  await sidecar.backup(labelled());
});

test("what a server cannot take is told by name before anything is made there", async () => {
  await db.sh("mv /usr/share/postgresql/17/extension/pg_trgm.control /tmp");
  refused(await restore(), /does not have the extensions of 'app': 'pg_trgm'/);
  await db.sh("mv /tmp/pg_trgm.control /usr/share/postgresql/17/extension/");
  const SUBSCRIPTION = "CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE)";
  await db.sql(`CREATE SUBSCRIPTION s ${SUBSCRIPTION}`);
  refused(await restore(), /'app' cannot be renamed and dropped, as it has a subscription/);
  await sidecar.backup(labelled());
  await db.sql("DROP SUBSCRIPTION s");
  const without = await restore("--only", ".databases/db/app.pgdump");
  assert.equal(without.exitCode, 3, "someone must read it");
  assert.match(without.stderr, /subscription s of 'db\/app' is left out/);
  assert.equal(await db.sql("SELECT count(*) FROM pg_subscription"), "0");
  refused(await restore("--only", ".databases/db/globals.sql").then(as(10)), /--only names no file and no database/);
});

test("a server that is not there or older is told, and files alone need none", async () => {
  const none = await sidecar.lifeboat(RESTORE, { BACKUP_DOCKER_PROJECT: "none" });
  refused(none, /databases of PostgreSQL server 'db', which is not there/);
  succeeded(await sidecar.lifeboat([...RESTORE, "--only", "private_key.pem"], { BACKUP_DOCKER_PROJECT: "none" }));
  await db[Symbol.asyncDispose]();
  const labels = { ...LABELS, "com.docker.compose.service": "db" };
  const older = await sidecar.server(15, "older", { labels });
  await older.ready();
  refused(
    await restore(),
    /'app' was saved from PostgreSQL 17\S+ .*and the server is older: 15\.\d+.*it needs 17 or newer/,
  );
  assert.equal(await namesOn(older), "app postgres");
});

test("a dump made by label is loaded by URL into a server older than the image's programs", async () => {
  const labels = { ...LABELS, "lifeboat.postgres.databases": "app" };
  const old = await sidecar.server(15, "old", { labels });
  await old.ready();
  await old.sql(
    "CREATE TABLE moments (name text); INSERT INTO moments VALUES ('then'), ('SET transaction_timeout = 0;')",
  );
  await old.sql("SELECT lo_from_bytea(1, 'x'); CREATE TABLE many AS SELECT generate_series(1, 100000)");
  await sidecar.backup({ ...labelled(), BACKUP_DOCKER_PROJECT: sidecar.network });
  await old.sql("DROP TABLE many; UPDATE moments SET name = 'now'");
  const env = { BACKUP_DOCKER_PROJECT: "none", BACKUP_POSTGRES: `postgres://app:${old.password}@old/app` };
  const only = ["--only", ".databases/old/app.pgdump"];
  succeeded(await sidecar.lifeboat([...RESTORE, ...only], env));
  const rows = await old.sql("SELECT name FROM moments; SELECT count(*) FROM many; SELECT lo_get(1)");
  assert.equal(rows, "then\nSET transaction_timeout = 0;\n100000\n\\x78");

  await old.sql("CREATE ROLE gone; GRANT SELECT ON moments TO gone");
  await sidecar.backup(labelled());
  await old.sql("DROP OWNED BY gone; DROP ROLE gone; CREATE TABLE stays (x int)");
  await sidecar.shadow(
    "pg_restore",
    'if [ "$# $1" = "2 --file=-" ]; then /usr/bin/pg_restore "$@" | head -c 2000; exit 1; fi; exec /usr/bin/pg_restore "$@"',
  );
  refused(await sidecar.lifeboat([...RESTORE, ...only], env), /pg_restore/);
  await sidecar.unshadow();
  assert.equal(await old.sql("SELECT count(*) FROM stays"), "0");
  assert.equal(await namesOn(old), "app postgres");
  await old[Symbol.asyncDispose]();
});

test("by URL, databases come back by the image's own programs", async () => {
  const remote = await sidecar.server(18, "remote");
  await remote.ready();
  await remote.sql("CREATE TABLE moments (name text); INSERT INTO moments VALUES ('then')");
  const url = (host: string, password: string, user = "app") => ({
    BACKUP_POSTGRES: `postgres://${user}:${password}@${host}/app`,
  });
  // A sidecar that has no volume of the stack at all.
  const env = { ...url("remote", remote.password), BACKUP_SOURCES: "/srv" };
  await sidecar.backup(env);
  await remote.sql("DROP DATABASE app", "postgres");
  succeeded(await sidecar.lifeboat(RESTORE, env));
  assert.equal(await remote.sql("SELECT name FROM moments"), "then");

  await remote.sql("CREATE ROLE reader LOGIN PASSWORD 'hush'; GRANT pg_read_all_data TO reader");
  const reading = await sidecar.lifeboat(RESTORE, url("remote", "hush", "reader"));
  refused(reading, /user 'reader' may not make databases/);
});

/** Makes another exit code than 1 the expected one. */
function as(exitCode: number) {
  return (ended: Ended): Ended => (ended.exitCode === exitCode ? { ...ended, exitCode: 1 } : ended);
}
