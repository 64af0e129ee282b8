import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import type { PostgresServer } from "../../servers/postgres.ts";
import { startSidecar, type Settings, type Sidecar } from "./sidecar.ts";

/** Which databases of a server are found, by which user, and what is said of those that are in no dump. */
let sidecar: Sidecar;
let network: string;
let secrets: string;

before(async () => {
  sidecar = await startSidecar();
  network = sidecar.network;
  secrets = join(sidecar.folder, "secrets");
  await mkdir(secrets);
  await writeFile(join(secrets, "user"), "keeper\n");
  await writeFile(join(secrets, "database"), "shop\n");
  await writeFile(join(secrets, "superuser-password"), "canary-of-the-superuser\n");
});
after(() => sidecar[Symbol.asyncDispose]());

let server: PostgresServer | undefined;
beforeEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

const labelled = (more: Settings = {}): Settings => ({ BACKUP_DOCKER_PROJECT: network, ...more });

/** A labelled server of its own for one test. */
async function start(databases: string | undefined, env: Settings = {}): Promise<PostgresServer> {
  const labels = { "lifeboat.postgres": "true", ...(databases ? { "lifeboat.postgres.databases": databases } : {}) };
  server = await sidecar.server(18, "db", { labels, env, mounts: [`${secrets}:/run/secrets:ro`] });
  await server.ready(env["POSTGRES_USER"] === "" ? (env["POSTGRES_USER_FILE"] ? "keeper" : "postgres") : "app");
  return server;
}

async function dumped(): Promise<readonly string[]> {
  const sources = await sidecar.sources();
  return sources.flatMap(({ name, facts }) => ("dumpBytes" in facts ? [name] : [])).sort();
}

test("all databases are dumped where none is named: those of secrets, of init scripts, and made by hand", async () => {
  const { sql } = await start(undefined, { POSTGRES_DB_FILE: "/run/secrets/database" });
  await sql("CREATE DATABASE later", "postgres");
  await sidecar.backup(labelled());
  assert.deepEqual(await dumped(), ["db/later", "db/postgres", "db/shop"]);
});

test("the superuser's name is read from a secret, and a password where the socket asks for one too", async () => {
  const env = { POSTGRES_USER: "", POSTGRES_USER_FILE: "/run/secrets/user" };
  const { sh } = await start(undefined, env);
  await sh("sed -i 's/^local.*/local all all scram-sha-256/' $PGDATA/pg_hba.conf; kill -HUP 1");
  const said = await sidecar.backup(labelled());
  assert.doesNotMatch(said, /canary/);
  assert.deepEqual(await dumped(), ["db/keeper", "db/postgres"]);
  assert.match((await sh("psql -wU keeper postgres")).stderr, /no password supplied/, "it did ask for one");
});

test("names and passwords of Bitnami's image are understood", async () => {
  const env = {
    ...{ POSTGRES_USER: "", POSTGRESQL_USERNAME: "shop", POSTGRESQL_PASSWORD: "x", POSTGRESQL_DATABASE: "shop" },
    POSTGRESQL_POSTGRES_PASSWORD_FILE: "/run/secrets/superuser-password",
  };
  const { sh } = await start(undefined, env);
  const make = "CREATE ROLE shop LOGIN PASSWORD 'x'; ALTER ROLE postgres PASSWORD 'canary-of-the-superuser'";
  await sh(`psql -qU postgres -c "${make}" -c 'CREATE DATABASE shop OWNER shop'`);
  await sh("sed -i 's/^local.*/local all all scram-sha-256/' $PGDATA/pg_hba.conf; kill -HUP 1");
  assert.doesNotMatch(await sidecar.backup(labelled()), /canary/);
  assert.deepEqual(await dumped(), ["db/postgres", "db/shop"]);
  assert.equal((await sidecar.sources()).find(({ name }) => name === "db")?.facts["rolePasswords"], "saved");
});

test("what a labelled server holds beside the databases that are named degrades the run, with its size", async () => {
  const { sql } = await start("app");
  await sql("CREATE TABLE t AS SELECT 1 AS x");
  await sql("CREATE DATABASE empty", "postgres");
  await sql("CREATE DATABASE shop", "postgres");
  await sql("CREATE TABLE goods AS SELECT repeat('x', 500) FROM generate_series(1, 10000)", "shop");
  const said = await sidecar.backup(labelled(), 3);
  assert.match(said, /'db': databases are in no dump: 'shop' \(1\d MiB\); name them in the label/);
  assert.deepEqual(await dumped(), ["db/app"]);
  assert.equal((await sidecar.sources()).find(({ name }) => name === "db")?.outcome, "flawed");
});

test("what is left out by name is left out, and nothing is said of it", async () => {
  const { sql } = await start("!scratch");
  await sql("CREATE DATABASE scratch", "postgres");
  await sql("CREATE TABLE t AS SELECT 1 AS x", "scratch");
  await sidecar.backup(labelled());
  assert.deepEqual(await dumped(), ["db/app", "db/postgres"]);
});

test("by URL, other databases are noted; a dump that holds nothing beside others that do degrades the run", async () => {
  const { sql, password } = await start(undefined);
  const url = (database: string) => ({ BACKUP_POSTGRES: `postgres://app:${password}@db/${database}` });
  await sql("CREATE TABLE t AS SELECT 1 AS x");
  await sql("CREATE DATABASE shop", "postgres");
  await sql("CREATE TABLE goods AS SELECT 1 AS x", "shop");
  assert.match(await sidecar.backup(url("app")), /'db' holds more, which nobody asked for: 'shop' \(8 MiB\)/);
  const said = await sidecar.backup(url("postgres"), 3);
  assert.match(said, /the databases that are dumped hold nothing, and others do: '(app|shop)' .*BACKUP_POSTGRES/);
  await sidecar.backup(url("*"));
  assert.deepEqual(await dumped(), ["db/app", "db/postgres", "db/shop"]);
});

test("a server without a database 'postgres' is dumped", async () => {
  const { sql, password } = await start(undefined);
  await sql("DROP DATABASE postgres", "app");
  await sidecar.backup(labelled());
  assert.deepEqual(await dumped(), ["db/app"]);
  await sidecar.backup({ BACKUP_POSTGRES: `postgres://app:${password}@db` });
  assert.deepEqual(await dumped(), ["db/app"]);
});
