import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { execa } from "execa";
import { startPostgres, type PostgresServer } from "../../../servers/postgres.ts";
import { startSidecar, type Settings, type Sidecar } from "../../../sources/postgres/sidecar.ts";
import { until } from "../../../until.ts";
import { reach, type Reach, type Way } from "./reach.ts";
import { ROWS, TABLES } from "./tables.ts";

let sidecar: Sidecar;
let server: PostgresServer;
const reaches = {} as Record<Way, Reach>;
const thing = ["--table", "things", "--where", "id = 1"];

before(async () => {
  sidecar = await startSidecar();
  server = await sidecar.server(18, "db", { labels: { "lifeboat.postgres": "true" } });
  await server.ready();
  await server.sql(TABLES + ROWS);
  await server.sql(`CREATE ROLE weak LOGIN PASSWORD 'weak-password'; CREATE ROLE reader LOGIN CREATEDB PASSWORD 'weak-password';
    GRANT pg_read_all_data TO weak, reader;
    CREATE ROLE leaver; ALTER TABLE users OWNER TO leaver; ALTER TABLE users ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON users TO leaver USING (name = 'a')`);
  for (const way of ["by label", "by URL"] as const) {
    reaches[way] = reach(sidecar, server, 18, way);
    await reaches[way].backup();
  }
});
after(() => sidecar[Symbol.asyncDispose]());

beforeEach(async () => {
  await server.sql("DELETE FROM things WHERE id IN (1, 2); INSERT INTO things VALUES (2, 'newer', 3)");
});

const asUser = (name: string): Settings => ({
  BACKUP_POSTGRES: `postgres://${name}@db/app`,
  BACKUP_POSTGRES_PASSWORD: "weak-password",
});

for (const way of ["by label", "by URL"] as const) {
  test(`killed while it chooses, ${way}, it leaves a database that the next run drops before it saves any`, async () => {
    const { run, settings, scratchDatabases } = reaches[way];
    const killed = await run([...thing, "--yes"], { LIFEBOAT_FAILPOINT: "restore-rows:scratch:kill" });
    assert.equal(killed.exitCode, 137);
    assert.match(await scratchDatabases(), /^lifeboat_rows_db_by_\w+_[0-9a-f]{8}$/);

    const nothing = { BACKUP_NAME: "other" };
    const elsewhere = await sidecar.lifeboat(["backup"], nothing);
    assert.match(
      elsewhere.stderr,
      /could not be dropped database=lifeboat_rows_\w+ error="there is no PostgreSQL server 'db'/,
    );
    assert.notEqual(await scratchDatabases(), "");

    const all = way === "by URL" ? { BACKUP_POSTGRES: "postgres://app@db/*" } : {};
    const { exitCode, stderr } = await sidecar.lifeboat(["backup"], { ...settings, ...all, ...nothing });
    assert.equal(exitCode, 0, stderr);
    assert.equal(await scratchDatabases(), "");
    assert((await sidecar.sources()).every(({ name }) => !name.includes("lifeboat_rows")));
    assert.equal(await server.crashes(), 0);
  });

  test(`SIGTERM while it chooses, ${way}, ends it in order, and no database is left`, async () => {
    const { run, scratchDatabases } = reaches[way];
    const ended = run([...thing, "--yes"], { LIFEBOAT_FAILPOINT: "restore-rows:scratch:hang" });
    await until("the scratch database is there", async () => (await scratchDatabases()) !== "");
    await endRuns();
    assert.equal((await ended).exitCode, 143);
    assert.equal(await scratchDatabases(), "");
  });

  test(`killed before the commit, ${way}, it has written nothing, and holds no lock`, async () => {
    const { run, restored, everything } = reaches[way];
    const before = await everything();
    const killed = await run([...thing, "--yes"], { LIFEBOAT_FAILPOINT: "restore-rows:commit:kill" });
    assert.equal(killed.exitCode, 137);
    const undone = await undoFiles();
    assert.equal(await everything(), before);
    await until("nothing is open", async () => (await sessions()) === "0");
    assert.equal((await restored(...thing)).tables[0]?.added, 1);
    assert.equal((await undoFiles()).length, undone.length + 1);
    assert.equal(await server.crashes(), 0);
  });

  test(`SIGTERM while it waits for a row, ${way}, ends it in order, and nothing was written`, async () => {
    await using _lock = await lockThing();
    const { run, everything } = reaches[way];
    const before = await everything();
    const ended = run(["--table", "things", "--where", "id = 2", "--yes"]);
    const WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    await until("it waits", async () => (await server.sql(WAITING)) === "1");
    await endRuns();
    assert.equal((await ended).exitCode, 143);
    assert.equal(await server.sql(WAITING), "0");
    assert.equal(await everything(), before);
    assert.deepEqual(await readdir(join(sidecar.folder, "state", "spool")), []);
    assert.equal(await server.crashes(), 0);
  });
}

test("a row that stays locked ends it in time", async () => {
  await using _lock = await lockThing();
  const args = ["--table", "things", "--where", "id = 2"];
  const soon = { BACKUP_POSTGRES_TIMEOUT: "20s" };
  await reaches["by label"].refused(1, /the rows are locked by another session/, args, soon);
});

test("a user who may create no database is told so before anything is fetched", async () => {
  const why = /user 'weak' of PostgreSQL server 'db' may not create databases[\s\S]*CREATEDB/;
  await reaches["by URL"].refused(1, why, thing, asUser("weak"));
});

test("a user who may not write the rows is told so", async () => {
  await reaches["by URL"].refused(
    1,
    /user 'reader' may not write these rows: permission denied/,
    thing,
    asUser("reader"),
  );
});

test("roles that are gone are not needed", async () => {
  await server.sql(`ALTER TABLE users OWNER TO app; DROP POLICY mine ON users; DROP ROLE leaver;
    DELETE FROM users WHERE name = 'b'`);
  const { tables } = await reaches["by URL"].restored("--table", "users", "--where", "name = 'b'");
  assert.equal(tables[0]?.added, 1);
});

test("an extension that the server no longer has is named", async () => {
  const control = "/usr/share/postgresql/18/extension/hstore.control";
  await server.sh(`mv ${control} /tmp/`);
  await reaches["by label"].refused(
    1,
    /the dump needs the extension 'hstore', which PostgreSQL server 'db' does not have/,
    thing,
  );
  await server.sh(`mv /tmp/hstore.control ${control}`);
});

test("a pg_restore that dies half way leaves nothing behind", async () => {
  const half = 'case " $* " in *" --data-only "*) /usr/local/bin/pg_restore "$@" | head -c 1000; kill -9 $$ ;; esac';
  await sidecar.shadow("pg_restore", `${half}\nexec /usr/local/bin/pg_restore "$@"`);
  await reaches["by URL"].refused(1, /cannot be loaded into a scratch database of 'db'.*SIGKILL/, thing);
  await sidecar.unshadow();
});

test("a connection that breaks at the commit is told as what it is, and the undo file stays", async () => {
  await reaches["by URL"].restored("--table", "things", "--where", "id = 2");
  const undone = await undoFiles();
  await sidecar.shadow("psql", `sed -u '/^INSERT INTO/h; /^COMMIT;$/{x; /^INSERT/Q; x}' | /usr/local/bin/psql "$@"`);
  await reaches["by URL"].refused(1, /whether the rows were written is not known[\s\S]*\.sql' undoes it/, thing);
  await sidecar.unshadow();
  assert.equal((await undoFiles()).length, undone.length + 1);
});

test("--into writes to another database of the server, and a dump or server that is not there is named", async () => {
  const { run, restored, refused } = reaches["by URL"];
  await server.sql("CREATE DATABASE other", "postgres");
  await server.sql("CREATE TABLE things (id bigint PRIMARY KEY, name text)", "other");
  assert.equal((await restored(...thing, "--into", "other")).tables[0]?.added, 1);
  assert.equal(await server.sql("SELECT * FROM things", "other"), "1|thing 1");
  await refused(10, /has no database 'nowhere'[\s\S]*'other'/, [...thing, "--into", "nowhere"]);
  await refused(10, /no PostgreSQL server 'db' to write to/, thing, {
    BACKUP_POSTGRES: "postgres://app@127.0.0.1/app",
  });
  const wrong = await sidecar.lifeboat(
    ["restore-rows", "latest", "--database", ".databases/db/ap.pgdump", ...thing, "--dry-run"],
    reaches["by URL"].settings,
  );
  assert.equal(wrong.exitCode, 10);
  assert.match(
    wrong.stderr + wrong.stdout,
    /no dump '\.databases\/db\/ap\.pgdump' in backup[\s\S]*'\.databases\/db\/app\.pgdump'/,
  );
  assert.equal((await run([...thing, "--dry-run"])).exitCode, 0);
});

for (const [encoding, bytes] of [
  ["LATIN1", "\\xe9"],
  ["SQL_ASCII", "\\xff\\xfe"],
] as const) {
  test(`text in ${encoding} comes back as it was`, async () => {
    const name = `odd_${encoding}`;
    await server.sql(
      `CREATE DATABASE "${name}" ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
      "postgres",
    );
    const all = "SELECT encode(convert_to(x, getdatabaseencoding()), 'hex') FROM t";
    await server.sql(
      `SET client_encoding = ${encoding}; CREATE TABLE t (id int PRIMARY KEY, x text); INSERT INTO t VALUES (1, E'${bytes}')`,
      name,
    );
    const before = await server.sql(all, name);
    const settings = {
      ...reaches["by URL"].settings,
      BACKUP_POSTGRES: `postgres://app@db/${name}`,
      BACKUP_NAME: name.toLowerCase(),
    };
    assert.equal((await sidecar.lifeboat(["backup"], settings)).exitCode, 0);
    await server.sql(`SET client_encoding = ${encoding}; UPDATE t SET x = E'${bytes}${bytes}'`, name);
    const changed = await server.sql(all, name);
    const args = [
      "restore-rows",
      "latest",
      "--database",
      `.databases/db/${name}.pgdump`,
      "--table",
      "t",
      "--where",
      "id = 1",
    ];
    const { stdout, stderr } = await sidecar.lifeboat([...args, "--yes", "--json"], settings);
    assert.equal(await server.sql(all, name), before, stderr);
    const { undoFile } = JSON.parse(stdout) as { undoFile: string };
    const file = undoFile.replace("/x/", `${sidecar.folder}/`);
    await execa("docker", ["exec", "-i", server.container, "psql", "-X", "-q", "-U", "app", "-d", name], {
      inputFile: file,
    });
    assert.equal(await server.sql(all, name), changed);
  });
}

test("a server of an older major, and a standby, are refused", async () => {
  const { refused } = reaches["by URL"];
  await server.sh("touch $PGDATA/standby.signal");
  await execa("docker", ["restart", "--time", "10", server.container]);
  await server.ready();
  await refused(1, /PostgreSQL server 'db' is a standby/, thing);

  await server[Symbol.asyncDispose]();
  await using older = await startPostgres(15, { network: sidecar.network, name: "db" });
  await older.ready();
  const { exitCode, stdout } = await reaches["by URL"].run([...thing, "--yes"], {
    BACKUP_POSTGRES_PASSWORD: older.password,
  });
  assert.equal(exitCode, 1);
  assert.match(stdout, /PostgreSQL server 'db' has version 15\.\S+ .*, older than 18\.\S+ .*, of which the dump is/);
});

async function undoFiles(): Promise<string[]> {
  return await readdir(join(sidecar.folder, "state", "rows"));
}

async function endRuns(): Promise<void> {
  await sidecar.sh(
    "for p in /proc/[0-9]*; do if grep -q checkout/src/[m]ain.ts $p/cmdline; then kill -TERM ${p#/proc/}; fi; done 2>/dev/null",
  );
}

async function sessions(): Promise<string> {
  return await server.sql(
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lifeboat' AND backend_type = 'client backend'",
  );
}

async function lockThing(): Promise<AsyncDisposable> {
  const locked = server
    .sql("BEGIN; SELECT FROM things WHERE id = 2 FOR UPDATE; SELECT 'the lock', pg_sleep(60)")
    .catch(() => "ended below");
  const HOLDER = "FROM pg_stat_activity WHERE query LIKE '%the lock%' AND wait_event = 'PgSleep'";
  await until("the row is locked", async () => (await server.sql(`SELECT count(*) ${HOLDER}`)) === "1");
  return {
    async [Symbol.asyncDispose]() {
      await server.sql(`SELECT pg_terminate_backend(pid) ${HOLDER}`);
      await locked;
    },
  };
}
