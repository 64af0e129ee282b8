import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { PostgresServer } from "../../servers/postgres.ts";
import { killAll, startSidecar, type Sidecar } from "../../sources/postgres/sidecar.ts";

/** As long as names may be, with everything in it that has a meaning somewhere. */
const ODD = `ä"'=\\%${"x".repeat(55)}`;
const RESTORE = ["restore", "latest", "--in-place", "--yes"];

let sidecar: Sidecar;
let server: PostgresServer;
/** Swapped after the first one, in a transaction of its own. */
let other: PostgresServer;

before(async () => {
  sidecar = await startSidecar();
  const labels = { "lifeboat.postgres": "true", "lifeboat.postgres.databases": `app ${ODD}` };
  server = await sidecar.server(17, "db", { labels });
  other = await sidecar.server(18, "other", { labels: { "lifeboat.postgres": "true" } });
  await Promise.all([server.ready(), other.ready()]);
  await other.sql("CREATE TABLE moments (name text)");
  await server.sql("CREATE ROLE helper; CREATE TABLE moments (name text); GRANT SELECT ON moments TO helper");
  await server.sql(`CREATE DATABASE "${ODD.replaceAll('"', '""')}"`);
  await server.sql("CREATE TABLE moments (name text)", ODD);
  await putMoment("new");
  await sidecar.backup({ BACKUP_DOCKER_PROJECT: sidecar.network });
  await server.sql(`DROP OWNED BY helper; DROP ROLE helper`);
});
after(() => sidecar[Symbol.asyncDispose]());

/** The old moment has no odd database and no role: both come with the new one. */
async function putMoment(moment: "new" | "old"): Promise<void> {
  const odd = `"${ODD.replaceAll('"', '""')}"`;
  if (moment === "old") {
    await server.sql("DROP OWNED BY helper; DROP ROLE helper").catch(() => "there is none");
    await server.sql(`DROP DATABASE IF EXISTS ${odd}`);
  }
  await server.sql(`TRUNCATE moments; INSERT INTO moments VALUES ('${moment}')`);
  await other.sql(`TRUNCATE moments; INSERT INTO moments VALUES ('${moment}')`);
  if (moment === "new") await server.sql(`TRUNCATE moments; INSERT INTO moments VALUES ('${moment}')`, ODD);
  await writeFile(join(sidecar.folder, "data", "private_key.pem"), moment);
}

/** What the file and each database say, and all databases and roles there are. */
async function look(): Promise<string> {
  const names = (
    await server.sql("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname <> 'app', datname")
  ).split("\n");
  const moments = await Promise.all(
    names.filter((name) => name !== "postgres").map((name) => server.sql("SELECT name FROM moments", name)),
  );
  const elsewhere = await other.sql("SELECT name FROM moments");
  const key = await readFile(join(sidecar.folder, "data", "private_key.pem"), "utf8");
  const roles = await server.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'helper'");
  return `${key}: ${moments.join(" ")}, ${elsewhere} elsewhere, ${names.length} databases, ${roles} roles`;
}

const ALL_OLD = "old: old, old elsewhere, 2 databases, 0 roles";
const ALL_NEW = "new: new new, new elsewhere, 3 databases, 1 roles";

async function killAt(name: string, args: readonly string[]): Promise<void> {
  const env = { BACKUP_DOCKER_PROJECT: sidecar.network, LIFEBOAT_FAILPOINT: `${name}:kill` };
  const { exitCode, stdout, stderr } = await sidecar.lifeboat(args, env);
  assert.equal(exitCode, 137, `the failpoint was not reached: ${stdout}${stderr}`);
}

/** The first thing that every command which changes something does. */
const START = ["restore", "latest", "--in-place", "--dry-run"];

async function startAgain(): Promise<void> {
  const { exitCode, stdout, stderr } = await sidecar.lifeboat(START, { BACKUP_DOCKER_PROJECT: sidecar.network });
  assert.equal(exitCode, 0, stdout + stderr);
  assert.deepEqual((await readdir(join(sidecar.folder, "data"))).sort(), ["private_key.pem"]);
  assert.deepEqual(
    (await readdir(join(sidecar.folder, "state"))).filter((name) => name.startsWith("in-place")),
    [],
  );
}

for (const [points, moment] of [
  [["in-place:roles-made", "in-place:database-made", "in-place:database-staged"], "old"],
  [["in-place:swapping", "postgres:closed", "in-place:databases-swapped"], "old"],
  [["in-place:swapped", "in-place:finishing", "in-place:database-dropped"], "new"],
] as const) {
  for (const point of points) {
    test(`SIGKILL at ${point}, then a start: files and databases are all ${moment}`, async () => {
      await putMoment("old");
      await killAt(point, RESTORE);
      await startAgain();
      assert.equal(await look(), moment === "old" ? ALL_OLD : ALL_NEW);
    });
  }
}

for (const [signal, exitCode] of [
  ["TERM", 143],
  ["KILL", 137],
] as const) {
  test(`SIG${signal} while a dump is loaded, then a start: files and databases are all old`, async () => {
    await putMoment("old");
    const stopped = server.sh(
      `for n in $(seq 3000); do ( ${killAll("STOP", "pg_restore")} ) && exit; sleep 0.01; done; exit 1`,
    );
    const ended = sidecar.lifeboat(RESTORE, { BACKUP_DOCKER_PROJECT: sidecar.network });
    assert.equal((await stopped).exitCode, 0, "pg_restore was seen");
    await sidecar.sh(
      `for p in /proc/[0-9]*; do if grep -q checkout/src/[m]ain.ts $p/cmdline; then kill -${signal} \${p#/proc/}; fi; done 2>/dev/null`,
    );
    await server.sh(killAll("CONT", "pg_restore"));
    assert.equal((await ended).exitCode, exitCode);
    await startAgain();
    assert.equal(await look(), ALL_OLD);
    assert.equal(await server.crashes(), 0);
  });
}

test("SIGKILL again and again on the way back, then a start: files and databases are all old", async () => {
  await putMoment("old");
  await killAt("in-place:databases-swapped", RESTORE);
  for (const point of ["in-place:undoing", "postgres:closed", "in-place:databases-put-back", "in-place:undone"]) {
    await killAt(point, START);
  }
  await startAgain();
  assert.equal(await look(), ALL_OLD);
});

test("a failure once all names are swapped puts them back in the same run, and the next run succeeds", async () => {
  await putMoment("old");
  const env = { BACKUP_DOCKER_PROJECT: sidecar.network };
  const { exitCode, stdout } = await sidecar.lifeboat(RESTORE, {
    ...env,
    LIFEBOAT_FAILPOINT: "in-place:released:throw",
  });
  assert.equal(exitCode, 1);
  assert.match(stdout, /rolled back; everything is as it was/);
  assert.equal(await look(), ALL_OLD);
  assert.equal((await sidecar.lifeboat(RESTORE, env)).exitCode, 0);
  assert.equal(await look(), ALL_NEW);
});
