import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Major, PostgresServer } from "../../servers/postgres.ts";
import { fill, PORTRAIT, PROPERTIES, setProperties } from "../../sources/postgres/rich-database.ts";
import { startSidecar, type Ended, type Settings, type Sidecar } from "../../sources/postgres/sidecar.ts";

const majors: readonly Major[] = [15, 17, 18];
const RESTORE = ["restore", "latest", "--in-place", "--yes"];

let sidecar: Sidecar;
const servers = new Map<Major, PostgresServer>();

before(async () => {
  sidecar = await startSidecar();
  const labels = { "lifeboat.postgres": "true", "lifeboat.postgres.databases": "*" };
  for (const major of majors) servers.set(major, await sidecar.server(major, `pg${major}`, { labels }));
  await Promise.all([...servers.values()].map((server) => server.ready()));
  await Promise.all([...servers.values()].map(fill));
});
after(() => sidecar[Symbol.asyncDispose]());

const labelled = (more: Settings = {}): Settings => ({ BACKUP_DOCKER_PROJECT: sidecar.network, ...more });
const restore = (args: readonly string[] = [], env: Settings = {}) =>
  sidecar.lifeboat([...RESTORE, ...args], labelled(env));

function succeeded({ exitCode, stdout, stderr }: Ended): void {
  assert.equal(exitCode, 0, stdout + stderr);
}

async function namesOn(server: PostgresServer): Promise<readonly string[]> {
  return (await server.sql("SELECT datname FROM pg_database ORDER BY 1", "template1")).split("\n");
}

test("databases of three majors come back whole by label, with what is set for them, and with the files", async () => {
  for (const server of servers.values()) await setProperties(server);
  const looks = await Promise.all([...servers.values()].map((server) => server.sql(PORTRAIT + PROPERTIES)));
  await sidecar.backup(labelled());
  await writeFile(join(sidecar.folder, "data", "private_key.pem"), "another\n");
  for (const server of servers.values()) {
    await server.sql(`
      DROP TABLE parts CASCADE; DROP SCHEMA "odd ""schema""" CASCADE; SELECT lo_unlink(4242);
      ALTER DATABASE app RESET ALL; GRANT ALL ON DATABASE app TO PUBLIC; COMMENT ON DATABASE app IS NULL;
      CREATE TABLE later (x int);`);
    await server.sql('DROP DATABASE "a b/c=d"', "postgres");
    await server.sql("CREATE DATABASE unsaved", "postgres");
  }
  const planned = await sidecar.lifeboat(["restore", "latest", "--in-place", "--dry-run"], labelled());
  succeeded(planned);
  assert.match(planned.stdout, /database 'app' of PostgreSQL server 'pg15': \S+ \w+ now, is replaced by a dump of/);
  assert.match(planned.stdout, /database 'a b\/c=d' of PostgreSQL server 'pg18': there is none now; it is made from/);

  succeeded(await restore());
  for (const [at, server] of [...servers.values()].entries()) {
    assert.equal(await server.sql(PORTRAIT + PROPERTIES), looks[at]);
    assert.equal(
      await server.sql("SHOW server_encoding; SET client_encoding = UTF8; SELECT x FROM t", "a b/c=d"),
      "LATIN1\ndéjà vu",
    );
    const names = ["a b/c=d", "app", "postgres", "template0", "template1", "unsaved"];
    assert.deepEqual(await namesOn(server), names, "nothing is left over, and what is in no backup stays");
    assert.equal(await server.crashes(), 0);
  }
  assert.deepEqual((await readdir(join(sidecar.folder, "data"))).sort(), ["private_key.pem"]);
});
