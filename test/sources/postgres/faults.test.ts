import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import type { PostgresServer } from "../../servers/postgres.ts";
import { until } from "../../until.ts";
import { ALL_ARGUMENTS, COMMANDS, killAll, startSidecar, type Settings, type Sidecar } from "./sidecar.ts";

let sidecar: Sidecar;
let server: PostgresServer;

before(async () => {
  sidecar = await startSidecar();
  server = await sidecar.server(18, "db");
  await server.ready();
  await server.sql(`
    CREATE TABLE accounts (id int, balance int);
    INSERT INTO accounts SELECT n, n FROM generate_series(1, 20000) n;
    CREATE ROLE weak LOGIN PASSWORD 'weak-password';
    CREATE ROLE dumper LOGIN PASSWORD 'p@ss/w:rd%';
    GRANT SELECT ON accounts TO dumper;
    CREATE ROLE crowded LOGIN PASSWORD 'crowded-password' CONNECTION LIMIT 0;
  `);
});
after(() => sidecar[Symbol.asyncDispose]());

const url = (more: Settings = {}): Settings => ({
  BACKUP_POSTGRES: "postgres://app@db/app",
  BACKUP_POSTGRES_PASSWORD: server.password,
  BACKUP_POSTGRES_TIMEOUT: "10s",
  ...more,
});

/** Fails unless the run fails with `why`, leaves nothing on the target and tells no password. */
async function fails(settings: Settings, why: RegExp): Promise<string> {
  const before = await sidecar.stored();
  const said = await sidecar.backup(settings, 1);
  assert.match(said, why);
  assert.doesNotMatch(said, /canary-|weak-password/);
  assert.deepEqual(await sidecar.stored(), before);
  return said;
}

for (const [what, change, why] of [
  [
    "a wrong password",
    { BACKUP_POSTGRES_PASSWORD: "canary-wrong" },
    /cannot ask database 'app' of PostgreSQL server 'db': user 'app' is not let in: password authentication failed/,
  ],
  ["a password that is missing", { BACKUP_POSTGRES_PASSWORD: "" }, /user 'app' is not let in/],
  ["a user who does not exist", { BACKUP_POSTGRES: "postgres://nobody@db/app" }, /user 'nobody' is not let in/],
  [
    "a database that does not exist",
    { BACKUP_POSTGRES: "postgres://app@db/ap" },
    /cannot ask database 'ap' of PostgreSQL server 'db'.*does not exist/,
  ],
  [
    "a server that is not there",
    { BACKUP_POSTGRES: "postgres://app@nowhere/app", BACKUP_POSTGRES_TIMEOUT: "1s" },
    /PostgreSQL server 'nowhere'.*ENOTFOUND|EAI_AGAIN/,
  ],
  [
    "a port that nobody listens on",
    { BACKUP_POSTGRES: "postgres://app@db:5433/app", BACKUP_POSTGRES_TIMEOUT: "1s" },
    /PostgreSQL server 'db_5433'.*ECONNREFUSED/,
  ],
  [
    "TLS that is demanded and not offered",
    { BACKUP_POSTGRES: "postgres://app@db/app?sslmode=require" },
    /cannot ask database 'app' of PostgreSQL server 'db': it offers no TLS/,
  ],
] as const) {
  test(`${what} is named before anything is held`, async () => {
    const said = await fails(url(change), why);
    assert.doesNotMatch(said, /step ended command=backup step=hold/);
  });
}

test("a server out of connections is asked again, and then named", async () => {
  const settings = url({
    BACKUP_POSTGRES: "postgres://crowded@db/app",
    BACKUP_POSTGRES_PASSWORD: "crowded-password",
    BACKUP_POSTGRES_TIMEOUT: "2s",
  });
  await fails(settings, /too many connections for role "crowded"/);
});

test("a server that starts while the backup waits for it is dumped", async () => {
  const backup = sidecar.backup({ BACKUP_POSTGRES: "postgres://app:late@late/app" }, 1);
  const late = await sidecar.server(17, "late");
  // It has another password: whoever is told so has waited for it.
  assert.match(await backup, /user 'app' is not let in/);
  await late[Symbol.asyncDispose]();
});

test("a server newer than the client is refused with both versions", async () => {
  await sidecar.shadow("pg_dump", 'echo "pg_dump (PostgreSQL) 16.9 (Debian)"');
  const said = await fails(
    url(),
    /PostgreSQL server 'db' has version 18\.\S+ .*, newer than this image's pg_dump, which is 16\.9/,
  );
  assert.doesNotMatch(said, /step=hold/);
  await sidecar.unshadow();
});

test("a role that may not read a table is named, with what to grant", async () => {
  const settings = url({ BACKUP_POSTGRES: "postgres://weak@db/app", BACKUP_POSTGRES_PASSWORD: "weak-password" });
  assert.match(await fails(settings, /user 'weak' may not read all of it/), /GRANT pg_read_all_data TO weak/);
});

test("a role that may not read passwords is enough, and the receipt says what is left out", async () => {
  await sidecar.backup({ BACKUP_POSTGRES: "postgres://dumper:p%40ss%2Fw%3Ard%25@db/app" });
  const globals = (await sidecar.sources()).find(({ name }) => name === "db");
  assert.equal(globals?.facts["rolePasswords"], "left out: user 'dumper' may not read them");
});

test("a table that stays locked fails the run in time, and its password is in no argument meanwhile", async () => {
  await using _lock = await lockAccounts();
  const backup = fails(
    url({ BACKUP_POSTGRES_TIMEOUT: "6s" }),
    /database 'db\/app' could not be dumped: .*a table is locked/,
  );
  const seen = await until("pg_dump runs", async () => {
    const { stdout } = await sidecar.sh(ALL_ARGUMENTS);
    return stdout.includes("pg_dump --format") ? stdout : "";
  });
  assert(!seen.includes(server.password));
  await backup;
});

test("pg_dump killed half way leaves no backup", async () => {
  await using _lock = await lockAccounts();
  const backup = fails(url(), /database 'db\/app' could not be dumped: .*'pg_dump' was killed by SIGKILL/);
  await until("pg_dump is killed", async () => (await sidecar.sh(killAll("KILL", "pg_dump"))).exitCode === 0);
  await backup;
});

test("SIGTERM in the middle of a dump ends pg_dump and the run", async () => {
  await using _lock = await lockAccounts();
  const ended = sidecar.lifeboat(["backup"], url());
  await until("pg_dump runs", async () => (await sidecar.sh(COMMANDS)).stdout.includes("pg_dump"));
  await sidecar.sh(
    "for p in /proc/[0-9]*; do if grep -q checkout/src/[m]ain.ts $p/cmdline; then kill -TERM ${p#/proc/}; fi; done 2>/dev/null",
  );
  assert.equal((await ended).exitCode, 143);
  assert.doesNotMatch((await sidecar.sh(COMMANDS)).stdout, /pg_dump/);
});

for (const [what, script] of [
  ["cut in the middle", '/usr/local/bin/pg_dump "$@" && truncate --size=60000 "$file"'],
  ["cut after five per cent", '/usr/local/bin/pg_dump "$@" && truncate --size=6000 "$file"'],
  ["that lacks its last byte", '/usr/local/bin/pg_dump "$@" && truncate --size=-1 "$file"'],
  ["that is empty", "exit 0"],
  ["that is something else", "echo 'the database system is fine' > \"$file\""],
] as const) {
  test(`a dump ${what} is found out although pg_dump ends with 0`, async () => {
    const file = "for file; do case $file in --file=*) file=${file#--file=}; break ;; esac; done";
    const version = '[ "$1" = --version ] && exec /usr/local/bin/pg_dump --version';
    await sidecar.shadow("pg_dump", `${version}\n${file}\n${script}`);
    await fails(url(), /database 'db\/app' could not be dumped: (the dump cannot be read back|pg_dump gave no dump)/);
    await sidecar.unshadow();
  });
}

test("a database dropped between the list and its dump degrades the run, and the others are saved", async () => {
  await server.sql("CREATE DATABASE doomed");
  await sidecar.shadow(
    "pg_dump",
    `if [ "$PGDATABASE" = doomed ]; then psql --no-psqlrc --dbname=postgres --command='DROP DATABASE doomed'; fi\nexec /usr/local/bin/pg_dump "$@"`,
  );
  const said = await sidecar.backup(url({ BACKUP_POSTGRES: "postgres://app@db/*" }), 3);
  assert.match(said, /'db\/doomed': it was dropped while the backup ran, and is not in it/);
  const sources = await sidecar.sources();
  assert.equal(sources.find(({ name }) => name === "db/doomed")?.outcome, "flawed");
  assert(sources.some(({ name }) => name === "db/app") && sources.some(({ name }) => name === "db/postgres"));
  await sidecar.unshadow();
});

test("a stack that keeps everything in PostgreSQL has a backup too", async () => {
  await sidecar.sh("mkdir /x/empty");
  await sidecar.backup(url({ BACKUP_SOURCES: "/x/empty" }));
  assert((await sidecar.sources()).some(({ name }) => name === "db/app"));
});

test("a folder where the dumps would be is not mixed with them", async () => {
  await sidecar.sh("mkdir /x/data/.databases");
  await fails(url(), /'\/x\/data\/\.databases' is where the copies of PostgreSQL would be/);
  await sidecar.sh("rmdir /x/data/.databases");
});

test("passwords come from PGPASSFILE, and are nowhere in what is kept or said", async () => {
  await sidecar.sh(`umask 077; echo 'db:*:*:app:${server.password}' >/x/pgpass`);
  const settings = { BACKUP_POSTGRES: "postgres://app@db/app", PGPASSFILE: "/x/pgpass" };
  const { stdout, stderr } = await sidecar.lifeboat(["backup"], settings);
  assert.match(stdout, /succeeded/);
  const byUrl = { BACKUP_POSTGRES: `postgres://app:${server.password}@db/app` };
  const config = await sidecar.lifeboat(["config"], byUrl);
  assert.equal(config.exitCode, 0, config.stderr);
  assert(![stdout, stderr, config.stdout, config.stderr].some((text) => text.includes(server.password)));
  const found = await execa(
    "grep",
    ["-rqF", server.password, ...["archive", "state"].map((name) => join(sidecar.folder, name))],
    { reject: false },
  );
  assert.equal(found.exitCode, 1, "grep found the password in what is kept");
});

test("a standby is dumped, and the receipt says that it is one", async () => {
  await server.sh("touch $PGDATA/standby.signal");
  await execa("docker", ["restart", "--time", "10", server.container]);
  await sidecar.backup(url({ BACKUP_POSTGRES_TIMEOUT: "60s" }));
  const facts = (await sidecar.sources()).find(({ name }) => name === "db/app")?.facts;
  assert.equal(facts?.["inRecovery"], true);
});

async function lockAccounts(): Promise<AsyncDisposable> {
  const locked = server
    .sql("BEGIN; LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)")
    .catch(() => "ended below");
  const HOLDER = "FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'accounts'::regclass";
  await until("the table is locked", async () => (await server.sql(`SELECT count(*) ${HOLDER}`)) === "1");
  return {
    async [Symbol.asyncDispose]() {
      await server.sql(`SELECT pg_terminate_backend(pid) ${HOLDER}`);
      await locked;
    },
  };
}
