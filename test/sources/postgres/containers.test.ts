import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { execa } from "execa";
import type { PostgresServer } from "../../servers/postgres.ts";
import { until } from "../../until.ts";
import { COMMANDS, killAll, startSidecar, type Settings, type Sidecar } from "./sidecar.ts";

let sidecar: Sidecar;
let server: PostgresServer;

before(async () => {
  sidecar = await startSidecar();
  server = await sidecar.server(17, "db", { labels: { "lifeboat.postgres": "true" } });
  await server.ready();
  await server.sql("CREATE TABLE accounts AS SELECT n AS id, repeat('x', 500) FROM generate_series(1, 20000) n");
});
after(() => sidecar[Symbol.asyncDispose]());

const labelled = (more: Settings = {}): Settings => ({
  BACKUP_DOCKER_PROJECT: sidecar.network,
  BACKUP_POSTGRES_TIMEOUT: "10s",
  ...more,
});

test("a labelled container is dumped by its own programs, without a password, and the server never notices", async () => {
  for (let times = 0; times < 3; times++) await sidecar.backup(labelled());
  const facts = (await sidecar.sources()).find(({ name }) => name === "db/app")?.facts;
  assert.match(String(facts?.["version"]), /^17\./);
  assert(Number(facts?.["dumpBytes"]) > 5_000_000);
  assert.equal(await server.crashes(), 0);
});

test("a server newer than the client of the image is checked by its own pg_restore", async () => {
  await sidecar.shadow("pg_dump", 'echo "pg_dump (PostgreSQL) 16.9"');
  await sidecar.shadow("pg_restore", "echo 'unsupported version (1.16) in file header' >&2; exit 1");
  await sidecar.backup(labelled());
  const facts = (await sidecar.sources()).find(({ name }) => name === "db/app")?.facts;
  assert.equal(facts?.["readBy"], "pg_restore of the server's container");
  assert.equal(await server.crashes(), 0);
  await sidecar.unshadow();
});

test("pg_dump killed in the container leaves no backup, and the server goes on", async () => {
  await using _lock = await lockAccounts();
  const stored = await sidecar.stored();
  const backup = sidecar.backup(labelled(), 1);
  await until("pg_dump is killed", async () => (await server.sh(killAll("KILL", "pg_dump"))).exitCode === 0);
  assert.match(await backup, /database 'db\/app' could not be dumped: .*'pg_dump' was killed by SIGKILL/);
  assert.deepEqual(await sidecar.stored(), stored);
  assert.equal(await server.crashes(), 0);
});

test("a locked table fails the run in time", async () => {
  await using _lock = await lockAccounts();
  assert.match(await sidecar.backup(labelled({ BACKUP_POSTGRES_TIMEOUT: "4s" }), 1), /a table is locked/);
});

for (const [signal, exitCode] of [
  ["TERM", 143],
  ["KILL", 137],
] as const) {
  test(`SIG${signal} to the sidecar ends pg_dump in the container, and the server goes on`, async () => {
    await using _lock = await lockAccounts();
    const ended = sidecar.lifeboat(["backup"], labelled({ BACKUP_POSTGRES_TIMEOUT: "60s" }));
    await until("pg_dump runs", async () => (await server.sh(COMMANDS)).stdout.includes("pg_dump"));
    await sidecar.sh(
      `for p in /proc/[0-9]*; do if grep -q checkout/src/[m]ain.ts $p/cmdline; then kill -${signal} \${p#/proc/}; fi; done 2>/dev/null`,
    );
    assert.equal((await ended).exitCode, exitCode);
    await until("pg_dump has ended", async () => !(await server.sh(COMMANDS)).stdout.includes("pg_dump"));
    assert.equal(await server.crashes(), 0);
  });
}

test("a labelled container that does not run degrades the run, and everything else is saved", async () => {
  const idle = await sidecar.server(17, "idle", { labels: { "lifeboat.postgres": "true" } });
  await execa("docker", ["kill", idle.container]);
  const said = await sidecar.backup(labelled(), 3);
  assert.match(said, /'idle': its container '\S+idle' is stopped, so that its databases are not in the backup/);
  const sources = await sidecar.sources();
  assert.equal(sources.find(({ name }) => name === "idle")?.outcome, "flawed");
  assert(sources.some(({ name, outcome }) => name === "db/app" && outcome === "good"));
  const restored = await sidecar.lifeboat(["restore", "latest", "--in-place", "--yes"], labelled());
  assert.equal(restored.exitCode, 0, restored.stderr);
  await idle[Symbol.asyncDispose]();
});

test("a user whom the local socket does not let in is named, with the label that names another", async () => {
  const labels = { "lifeboat.postgres": "true", "lifeboat.postgres.user": "nobody" };
  const third = await sidecar.server(17, "third", { labels });
  await third.ready();
  assert.match(await sidecar.backup(labelled(), 1), /user 'nobody' is not let in.*lifeboat\.postgres\.user/s);
  await third[Symbol.asyncDispose]();
});

test("labels name another user and other databases", async () => {
  const labels = {
    "lifeboat.postgres": "true",
    "lifeboat.postgres.user": "app",
    "lifeboat.postgres.databases": "app postgres",
  };
  const second = await sidecar.server(17, "second", { labels });
  await second.ready();
  await sidecar.backup(labelled());
  const names = (await sidecar.sources()).filter(({ kind }) => kind === "postgres").map(({ name }) => name);
  assert.deepEqual(names.sort(), ["db", "db/app", "db/postgres", "second", "second/app", "second/postgres"]);
  await second[Symbol.asyncDispose]();
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
