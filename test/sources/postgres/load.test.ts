import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { describeError } from "../../../src/errors.ts";
import { findPostgresContainers } from "../../../src/quiesce/postgres-containers.ts";
import { contentsOf, missingFrom } from "../../../src/sources/postgres/contents.ts";
import { databaseFacts } from "../../../src/sources/postgres/facts.ts";
import { serverInContainer } from "../../../src/sources/postgres/in-container.ts";
import { createDatabaseLike, dropDatabase, loadDump, vantagePoint } from "../../../src/sources/postgres/load.ts";
import { outputToFile } from "../../../src/sources/postgres/output.ts";
import type { PostgresServer as Server } from "../../../src/sources/postgres/server.ts";
import { systemClock } from "../../../src/system/clock.ts";
import { connectDocker } from "../../../src/system/docker.ts";
import { engineSocket } from "../../e2e/stack.ts";
import { startPostgres, type PostgresServer } from "../../servers/postgres.ts";
import { docker } from "../../servers/programs.ts";
import { until } from "../../until.ts";

const network = `lb-load-${randomBytes(4).toString("hex")}`;
const majors = [15, 17, 18] as const;
const never = new AbortController().signal;
const ODD = `a "b"='c' \\ ${"x".repeat(50)}`;
let folder: string;
const real = new Map<number, PostgresServer>();
const servers = new Map<number, Server>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lb-load-"));
  await docker("network", "create", network);
  const labels = { "lifeboat.postgres": "true", "lifeboat.postgres.databases": "app" };
  for (const major of majors) real.set(major, await startPostgres(major, { network, name: `pg${major}`, labels }));
  for (const server of real.values()) await server.ready();
  const engine = connectDocker(`unix://${engineSocket}`);
  const found = (await findPostgresContainers(engine, network, systemClock, never)).map(serverInContainer);
  for (const server of found) servers.set(Number(server.name.slice(2)), server);
});
after(async () => {
  for (const server of real.values()) await server[Symbol.asyncDispose]();
  await docker("network", "rm", network);
  await rm(folder, { recursive: true, force: true });
});

function saying(words: RegExp) {
  return (error: unknown) => words.test(describeError(error));
}

for (const major of majors) {
  test(`a dump of ${major} is loaded into a database like the recorded one, beside it, and dropped again`, async () => {
    const server = servers.get(major)!;
    const { sql } = real.get(major)!;
    const icu = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'";
    const rules = major < 16 ? "" : "ICU_RULES '&z < ä <<< Ä'";
    await sql(`CREATE ROLE "the owner";\nCREATE DATABASE german OWNER "the owner" ${icu} ${rules}`, "postgres");
    await sql("CREATE TABLE words AS SELECT unnest(ARRAY['Äpfel', 'Zebra', 'ähnlich']) AS word", "german");
    const path = join(folder, `${major}.pgdump`);
    const call = { program: "pg_dump", args: ["--format=custom", "--compress=0"], database: "german" } as const;
    await outputToFile(server, call, path, never);
    const recorded = await databaseFacts(server, "german", never);

    const from = await vantagePoint(server, ["german"], never);
    await createDatabaseLike(server, { name: ODD, like: recorded, owner: recorded.owner, from }, never);
    await loadDump(server, { database: ODD, path }, never);
    const loaded = await databaseFacts(server, ODD, never);
    for (const same of [
      "owner",
      "encoding",
      "collate",
      "ctype",
      "localeProvider",
      "locale",
      "icuRules",
      "tableCount",
    ] as const)
      assert.equal(loaded[same], recorded[same], same);
    const order = major < 16 ? "ähnlich Äpfel Zebra" : "Zebra ähnlich Äpfel";
    assert.equal(await sql("SELECT string_agg(word, ' ' ORDER BY word) FROM words", ODD), order);
    await assert.rejects(loadDump(server, { database: ODD, path }, never), /cannot load the dump.*already exists/);
    await assert.rejects(
      createDatabaseLike(server, { name: ODD, like: recorded, from }, never),
      saying(/already exists/),
    );

    const session = sql("SELECT pg_sleep(60)", ODD).catch(String);
    const inside = `SELECT count(*) FROM pg_stat_activity WHERE datname = '${ODD.replaceAll("'", "''")}'`;
    await until("someone is in it", async () => (await sql(inside, "postgres")) === "1");
    await dropDatabase(server, { name: ODD, from }, systemClock, never);
    await dropDatabase(server, { name: ODD, from }, systemClock, never);
    assert.match(await session, /terminating connection due to administrator command/);
    assert.equal(await sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'a %'", "postgres"), "0");
    assert.equal(await real.get(major)!.crashes(), 0);
  });
}

test("whatever a dump brought and a database lacks is found, down to one row and one large object", async () => {
  const server = servers.get(17)!;
  const { sql } = real.get(17)!;
  await sql("CREATE DATABASE odd", "postgres");
  await sql(
    `CREATE TABLE "COPY a (x) FROM stdin;
b""(""" (x text); INSERT INTO "COPY a (x) FROM stdin;
b""(""" VALUES (E'\\\\.'), (E'two\nlines'), (NULL), ('');
    CREATE TABLE none (); CREATE TABLE parent (x int); CREATE TABLE child () INHERITS (parent);
    INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2), (3);
    CREATE TABLE wide AS SELECT repeat('x', 3000000) || n AS x FROM generate_series(1, 3) AS n;
    SELECT lo_from_bytea(7, 'x'), lo_create(8);`,
    "odd",
  );
  const path = join(folder, "odd.pgdump");
  const call = { program: "pg_dump", args: ["--format=custom", "--compress=0"], database: "odd" } as const;
  await outputToFile(server, call, path, never);
  // By the server's own pg_restore, as for a server newer than the image.
  const contents = await contentsOf({ path, reader: server }, never);
  assert.deepEqual(contents.largeObjects, 2);
  assert.deepEqual(
    [...contents.rows.values()].sort((a, b) => a - b),
    [0, 1, 2, 3, 4],
  );
  assert.deepEqual(await missingFrom(server, "odd", contents, never), []);
  await sql("DELETE FROM ONLY parent; SELECT lo_unlink(8)", "odd");
  assert.deepEqual(await missingFrom(server, "odd", contents, never), [
    "public.parent has 0 rows of 1",
    "there are 1 large objects of 2",
  ]);
});

test("a database whose dropping was cut off is dropped", async () => {
  const server = servers.get(17)!;
  const { sql } = real.get(17)!;
  await sql("CREATE DATABASE half", "postgres");
  await sql("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'half'", "postgres");
  await dropDatabase(server, { name: "half", from: "postgres" }, systemClock, never);
  assert.equal(await sql("SELECT count(*) FROM pg_database WHERE datname = 'half'", "postgres"), "0");
});

test("a dump that was cut is not loaded", async () => {
  const server = servers.get(17)!;
  const whole = await readFile(join(folder, "17.pgdump"));
  const path = join(folder, "cut.pgdump");
  await writeFile(path, whole.subarray(0, whole.length - 40));
  const like = await databaseFacts(server, "german", never);
  await createDatabaseLike(server, { name: "cut", like, from: "postgres" }, never);
  await assert.rejects(loadDump(server, { database: "cut", path }, never), /cannot load the dump into 'cut'/);
  await dropDatabase(server, { name: "cut", from: "postgres" }, systemClock, never);
});
