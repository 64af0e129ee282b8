import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { execa } from "execa";
import type { PostgresServer } from "../../servers/postgres.ts";
import { until } from "../../until.ts";
import { letReplicate, physical, reconfigure } from "./physical.ts";
import { ALL_ARGUMENTS, COMMANDS, killAll, startSidecar, type Settings, type Sidecar } from "./sidecar.ts";

let sidecar: Sidecar;
let server: PostgresServer;
let older: PostgresServer;

before(async () => {
  sidecar = await startSidecar();
  [server, older] = [await sidecar.server(18, "db"), await sidecar.server(15, "older")];
  for (const one of [server, older]) {
    await one.ready();
    await letReplicate(one);
    await one.sql(`
      CREATE TABLE accounts AS SELECT n AS id, repeat('x', 500) AS note FROM generate_series(1, 2000) n;
      CREATE ROLE plain LOGIN PASSWORD 'canary-copy'; CREATE ROLE shut LOGIN REPLICATION PASSWORD 'canary-copy'`);
    await one.sh('echo "host replication plain samenet scram-sha-256" >>$PGDATA/pg_hba.conf');
    await one.sql("SELECT pg_reload_conf()");
  }
});
after(() => sidecar[Symbol.asyncDispose]());

/** Fails unless the run fails with `why`, leaves nothing on the target or in the spool, and tells no password. */
async function fails(settings: Settings, why: RegExp): Promise<string> {
  const before = await sidecar.stored();
  const said = await sidecar.backup(settings, 1);
  assert.match(said, why);
  assert.doesNotMatch(said, /canary-/);
  assert.deepEqual(await sidecar.stored(), before);
  assert.equal((await sidecar.sh("ls -A /x/state/spool")).stdout, "");
  return said;
}

for (const [what, change, why, hint] of [
  [
    "a wrong password",
    { BACKUP_POSTGRES_PASSWORD: "canary-no" },
    /user 'replicator' is not let in: password/,
    /BACKUP_/,
  ],
  [
    "a user who may not replicate",
    { BACKUP_POSTGRES_PHYSICAL: "postgres://plain@db" },
    /cannot ask a WAL sender of PostgreSQL server 'db': user 'plain' may not copy it: permission denied/,
    /ALTER ROLE "plain" REPLICATION/,
  ],
  [
    "a user who may not replicate an older server",
    { BACKUP_POSTGRES_PHYSICAL: "postgres://plain@older" },
    /user 'plain' may not copy it: must be superuser or replication role/,
    /ALTER ROLE "plain" REPLICATION/,
  ],
  [
    "a pg_hba.conf without a line for replication",
    { BACKUP_POSTGRES_PHYSICAL: "postgres://shut@db" },
    /pg_hba\.conf does not let user 'shut' in for replication/,
    /host replication shut samenet/,
  ],
  [
    "a database to ask that does not exist",
    { BACKUP_POSTGRES_PHYSICAL: "postgres://replicator@db/ap" },
    /cannot ask database 'ap' of PostgreSQL server 'db'.*does not exist/,
    /name/,
  ],
  [
    "a server that is not there",
    { BACKUP_POSTGRES_PHYSICAL: "postgres://replicator@nowhere", BACKUP_POSTGRES_TIMEOUT: "1s" },
    /PostgreSQL server 'nowhere'.*ENOTFOUND|EAI_AGAIN/,
    /Check that the server runs/,
  ],
] as const) {
  test(`${what} is named before anything is held, with what to do`, async () => {
    const said = await fails(physical("db", change), why);
    assert.match(said, hint);
    assert.doesNotMatch(said, /step=hold/);
  });
}

test("a server newer than the client is refused with both versions", async () => {
  await sidecar.shadow("pg_basebackup", 'echo "pg_basebackup (PostgreSQL) 16.9 (Debian)"');
  await fails(
    physical("db"),
    /server 'db' has version 18\.\S+ .*newer than this image's pg_basebackup, which is 16\.9/,
  );
  await sidecar.unshadow();
});

test("a file named by PGPASSFILE is enough where its line is for every database", async () => {
  await sidecar.sh("umask 077; echo 'db:*:*:replicator:canary-copy' >/x/pgpass");
  await sidecar.backup(physical("db", { BACKUP_POSTGRES_PASSWORD: "", PGPASSFILE: "/x/pgpass" }));
});

test("a server is dumped and copied in one backup, each in its place", async () => {
  const dumps = { BACKUP_POSTGRES: `postgres://app:${server.password}@db/app` };
  await sidecar.backup(physical("db older", dumps));
  const { stdout } = await sidecar.lifeboat(["ls", "latest", ".databases"]);
  const paths: readonly string[] = stdout.match(/(?<= )\.databases\S*$/gm) ?? [];
  assert.equal(new Set(paths).size, paths.length, "a path is there twice");
  for (const path of [
    "db",
    "db/globals.sql",
    "db/app.pgdump",
    "db/physical/README.txt",
    "older/physical/data/PG_VERSION",
  ]) {
    assert(paths.includes(`.databases/${path}`), path);
  }
});

test("a base backup that would not fit is refused before it is begun", async () => {
  // Docker gives every container 64 MiB of it.
  const said = await fails(
    physical("db", { BACKUP_STATE: "/dev/shm/state" }),
    /not enough space in '\/dev\/shm\/state'/,
  );
  assert.doesNotMatch(said, /step=hold/);
});

const SLOW = 'exec /usr/local/bin/pg_basebackup --max-rate=1M "$@"';

/** Every copy takes most of a minute from here on, so that something can happen meanwhile. */
async function slowly(): Promise<AsyncDisposable> {
  await sidecar.shadow("pg_basebackup", `[ "$1" = --version ] || ${SLOW}\nexec /usr/local/bin/pg_basebackup "$@"`);
  return { [Symbol.asyncDispose]: () => sidecar.unshadow() };
}

const copying = () =>
  until("pg_basebackup copies", async () => {
    return Number((await sidecar.sh("du -s /x/state/spool | cut -f1")).stdout) > 4000;
  });

test("pg_basebackup killed half way leaves no backup, and its password is in no argument meanwhile", async () => {
  await using _slow = await slowly();
  const backup = fails(
    physical("db"),
    /no base backup of 'db' could be taken: .*'pg_basebackup' was killed by SIGKILL/,
  );
  await copying();
  assert.doesNotMatch((await sidecar.sh(ALL_ARGUMENTS)).stdout, /canary-/);
  assert.equal((await sidecar.sh(killAll("KILL", "pg_basebackup"))).exitCode, 0);
  await backup;
});

test("a WAL sender that is ended half way leaves no backup", async () => {
  await using _slow = await slowly();
  const backup = fails(physical("db", { BACKUP_POSTGRES_TIMEOUT: "20s" }), /no base backup of 'db' could be taken/);
  await copying();
  const END = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_replication";
  const ended = until("the run has given up", async () => {
    await server.sql(END);
    return backup.then(
      () => true,
      () => true,
    );
  });
  await ended;
  await backup;
});

test("a copy that takes too long fails the run in time", async () => {
  await using _slow = await slowly();
  const tooLong = physical("db", { BACKUP_POSTGRES_TIMEOUT: "3s" });
  assert.match(await fails(tooLong, /could not be taken and checked within 3 s/), /Raise BACKUP_POSTGRES_TIMEOUT/);
  assert.equal(await server.sql("SELECT count(*) FROM pg_replication_slots"), "0");
});

test("SIGTERM in the middle of a copy ends pg_basebackup and the run", async () => {
  await using _slow = await slowly();
  const ended = sidecar.lifeboat(["backup"], physical("db"));
  await copying();
  await sidecar.sh(
    "for p in /proc/[0-9]*; do if grep -q checkout/src/[m]ain.ts $p/cmdline; then kill -TERM ${p#/proc/}; fi; done 2>/dev/null",
  );
  assert.equal((await ended).exitCode, 143);
  assert.doesNotMatch((await sidecar.sh(COMMANDS)).stdout, /pg_basebackup/);
});

for (const [what, host, script, why] of [
  ["a byte flipped in a table", "db", flip("$(ls -S $data/base/*/[0-9]* | head -n 1)"), /checksum mismatch for file/],
  ["a byte flipped in a table of an older server", "older", flip("$data/PG_VERSION"), /checksum mismatch for file/],
  ["a byte flipped in the log", "db", flip("$data/pg_wal/0*"), /WAL parsing failed/],
  ["a byte flipped in pg_control", "db", flip("$data/global/pg_control"), /pg_control/],
  [
    "a byte flipped in pg_control of an older server",
    "older",
    flip("$data/global/pg_control"),
    /pg_control' is damaged/,
  ],
  ["a file that is missing", "older", "rm $data/base/1/112", /is present in the manifest but not on disk/],
  [
    "a log that is missing",
    "older",
    "rm $data/pg_wal/0*",
    /'pg_wal\/0+10+\d' ?, which the base backup needs, is missing/,
  ],
  ["a log that is cut", "older", "truncate -s 8M $data/pg_wal/0*", /has 8388608 bytes, not 16777216/],
  ["a manifest that is cut", "db", "truncate -s -100 $data/backup_manifest", /backup_manifest that is not complete/],
] as const) {
  test(`${what} is found out although pg_basebackup ends with 0`, async () => {
    const find = 'for a; do case $a in --pgdata=*) data=${a#--pgdata=} ;; esac; done; [ -n "${data:-}" ] || exit 0';
    await sidecar.shadow("pg_basebackup", `set -e\n/usr/local/bin/pg_basebackup "$@"\n${find}\n${script}`);
    const said = await fails(physical(host), /the base backup is not what the server has sent/);
    assert.match(said, why);
    await sidecar.unshadow();
  });
}

function flip(file: string): string {
  return `f=$(ls -d ${file} | head -n 1); printf '\\377' | dd of=$f bs=1 seek=$(($(stat -c %s $f) > 200 ? 200 : 0)) conv=notrunc status=none`;
}

test("a tablespace that is made just before the copy is not put where nobody looks for it", async () => {
  await server.sh("install -d -o postgres /srv/late");
  const make = "PGPASSWORD=$OWNER psql -X -q -h db -U app -d app -c \"CREATE TABLESPACE late LOCATION '/srv/late'\"";
  await sidecar.shadow(
    "pg_basebackup",
    `[ "$1" = --version ] || ${make.replace("$OWNER", server.password)}\nexec /usr/local/bin/pg_basebackup "$@"`,
  );
  await fails(physical("db"), /a tablespace at '\/srv\/late' was made while the base backup was taken/);
  await sidecar.unshadow();
  await sidecar.backup(physical("db"));
  await server.sql("DROP TABLESPACE late");
});

test("damaged pages of the server degrade the run, and all else is saved", async () => {
  const path = await server.sql("CHECKPOINT; SELECT pg_relation_filepath('accounts')");
  await server.sh(`printf 'damaged' | dd of=$PGDATA/${path} bs=1 seek=5000 conv=notrunc`);
  const said = await sidecar.backup(physical("db"), 3);
  assert.match(said, new RegExp(`pages on the server do not match their checksums, as in '${path}'`));
  assert.equal((await sidecar.sources()).find(({ name }) => name === "db (physical)")?.outcome, "flawed");
  await server.sql("TRUNCATE accounts; CHECKPOINT");
});

for (const [what, settings, why, hint] of [
  ["no WAL sender free", { max_wal_senders: "1" }, /has no 2 WAL senders free: 0 of 1 are in use/, /max_wal_senders/],
  ["a log that says too little", { wal_level: "minimal", max_wal_senders: "0" }, /wal_level is 'minimal'/, /replica/],
  [
    "no replication slot",
    { wal_level: "replica", max_wal_senders: "5", max_replication_slots: "0" },
    /no replication slot is free/,
    /max_replication_slots/,
  ],
] as const) {
  test(`a server with ${what} is named, with what to set`, async () => {
    await reconfigure(older, settings);
    // The last try is after 3.75 s of waiting: the rest is for the five tries themselves.
    assert.match(await fails(physical("older", { BACKUP_POSTGRES_TIMEOUT: "7s" }), why), hint);
  });
}

test("a server that starts while the backup waits for it is copied, and so is a standby, which the receipt says", async () => {
  await server.sh("touch $PGDATA/standby.signal");
  await execa("docker", ["stop", "--time", "10", server.container]);
  const backup = sidecar.backup(physical("db"));
  await execa("docker", ["start", server.container]);
  await backup;
  const facts = (await sidecar.sources()).find(({ name }) => name === "db (physical)")?.facts;
  assert.equal(facts?.["inRecovery"], true);
  await sidecar.lifeboat(["restore", "latest", "--to", "/x/standby", "--only", ".databases/db/physical"]);
  const { stdout } = await sidecar.sh(
    "cd /x/standby/.databases/db/physical && ls data/standby.signal && cat README.txt",
  );
  assert.match(stdout, /this will be one: .* remove data\/standby\.signal first/);
});
