import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Major, PostgresServer } from "../../servers/postgres.ts";
import { fill, PORTRAIT, PROPERTIES, setProperties } from "./rich-database.ts";
import { startSidecar, type Sidecar } from "./sidecar.ts";
import { startWriter, SUMS, transfers } from "./transfers.ts";

const majors: readonly Major[] = [15, 17, 18];
const ways = ["by URL", "by label"] as const;

let sidecar: Sidecar;
const servers = new Map<Major, PostgresServer>();
let fresh: PostgresServer;

before(async () => {
  sidecar = await startSidecar();
  const labels = { "lifeboat.postgres": "true", "lifeboat.postgres.databases": "*" };
  for (const major of majors) servers.set(major, await sidecar.server(major, `pg${major}`, { labels }));
  fresh = await sidecar.server(18, "fresh", { mounts: [`${sidecar.folder}:/x`] });
  await Promise.all([...servers.values(), fresh].map((server) => server.ready()));
  await Promise.all(
    [...servers.values()].map(async (server) => {
      await fill(server);
      await setProperties(server);
      await server.sql("ALTER DATABASE app SET default_transaction_read_only = off", "postgres");
      await server.sql("SET client_encoding = UTF8; COMMENT ON DATABASE \"a b/c=d\" IS 'déjà vu'", "a b/c=d");
    }),
  );
});
after(() => sidecar[Symbol.asyncDispose]());

const COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()";

for (const way of ways) {
  test(`databases of three majors dumped ${way} while others write come back whole, by the commands in the backup`, async () => {
    const writers = await Promise.all([...servers.values()].map(startWriter));
    const journal = await Promise.all([...servers.values()].map(transfers));
    await (way === "by URL" ? backUpByUrl() : sidecar.backup({ BACKUP_DOCKER_PROJECT: sidecar.network }));
    const still = await Promise.all([...servers.values()].map(transfers));
    for (const end of writers) await end();
    still.forEach((count, at) => assert(count > (journal[at] ?? 0), "nobody wrote while the dump was taken"));

    const to = `restored-${way.replace(" ", "-")}`;
    const { exitCode, stderr } = await sidecar.lifeboat(["restore", "latest", "--to", `/x/${to}`]);
    assert.equal(exitCode, 0, stderr);
    assert.equal(await readFile(join(sidecar.folder, to, "private_key.pem"), "utf8"), '{"kty":"RSA"}\n');
    const readme = await readFile(join(sidecar.folder, to, ".databases", "README.txt"), "utf8");
    for (const major of majors) {
      await load(readme, `pg${major}`, `/x/${to}/.databases`);
      assert.equal(await fresh.sql(PORTRAIT + PROPERTIES), await servers.get(major)!.sql(PORTRAIT + PROPERTIES));
      assert.equal(await fresh.sql(SUMS), "t\nt", "a transfer was torn");
      assert.equal(
        await fresh.sql(`SHOW server_encoding; SET client_encoding = UTF8; SELECT x FROM t; ${COMMENT}`, "a b/c=d"),
        "LATIN1\ndéjà vu\ndéjà vu",
      );
      await fresh.sql("DROP DATABASE app WITH (FORCE)", "postgres");
      await fresh.sql('DROP DATABASE "a b/c=d"', "postgres");
    }
    for (const server of servers.values()) assert.equal(await server.crashes(), 0);
  });

  test(`what is known of each database dumped ${way} is in the receipt`, async () => {
    const sources = await sidecar.sources();
    for (const major of majors) {
      const facts = sources.find(({ name }) => name === `pg${major}/app`)?.facts ?? {};
      assert.equal(Math.floor(Number(facts["versionNumber"]) / 10_000), major);
      assert.match(String(facts["readBy"]), /^pg_restore 18\./);
      assert.equal(facts["encoding"], "UTF8");
      assert.equal((facts["extensions"] as Record<string, string>)["plpgsql"], "1.0");
      assert.equal(facts["largeObjects"], 1);
      const tables = facts["tables"] as { name: string; sizeBytes: number }[];
      assert(tables.find(({ name }) => name === '"odd ""schema"""."Tabelle ä"')!.sizeBytes > 100_000);
      assert.equal(sources.find(({ name }) => name === `pg${major}`)?.facts["rolePasswords"], "saved");
      assert(sources.some(({ name }) => name === `pg${major}/a b/c=d`));
    }
  });
}

/** Of servers whose catalog this image's pg_dump does not quite understand, the run says so. */
async function backUpByUrl(): Promise<void> {
  const urls = [...servers.values()].map(({ host, password }) => `postgresql://app:${password}@${host}/*`);
  const { exitCode, stdout, stderr } = await sidecar.lifeboat(["backup"], { BACKUP_POSTGRES: urls.join("\n") });
  const isForeign = /does not understand the catalog/.test(stderr);
  assert.equal(exitCode, isForeign ? 3 : 0, stdout + stderr);
}

/** Runs the commands that the page in the backup has for one server, in the fresh one. */
async function load(readme: string, server: string, folder: string): Promise<void> {
  const part = readme.split(/^Server /m).find((text) => text.startsWith(`${server},`)) ?? "";
  const commands = part.split("\n").filter((line) => /^ {2}[a-z]/.test(line));
  // `postgres` and, once, `app` are there already, made by the server itself.
  const wanted = commands.filter((line) => !/(createdb|pg_restore|psql) .*\bpostgres(\.pgdump)?$/.test(line));
  await fresh.sh("dropdb -U app app");
  const script = ["set -eu", "export PGUSER=app", `cd ${folder}/${server}`, ...wanted].join("\n");
  // The server's programs may enter a folder of root's only as root, which they are here.
  const { exitCode, stdout, stderr } = await fresh.sh(script);
  assert.equal(exitCode, 0, `${script}\n${stdout}\n${stderr}`);
}
