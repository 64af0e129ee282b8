import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Major, PostgresServer } from "../../servers/postgres.ts";
import { FAST_DISK, letReplicate, physical, reconfigure, startRestored } from "./physical.ts";
import { until } from "../../until.ts";
import { startSidecar, type Sidecar } from "./sidecar.ts";
import { ACCOUNTS, startWriter, SUMS, transfers } from "./transfers.ts";

const majors: readonly Major[] = [15, 17, 18];
let sidecar: Sidecar;
const servers = new Map<Major, PostgresServer>();

before(async () => {
  sidecar = await startSidecar();
  await sidecar.sh("install -d -m 777 /x/wal");
  for (const major of majors) {
    servers.set(major, await sidecar.server(major, `pg${major}`, { mounts: [`${sidecar.folder}/wal:/wal`] }));
  }
  await Promise.all(
    [...servers.values()].map(async (server) => {
      await server.ready();
      await letReplicate(server);
      await server.sh(`install -d -o postgres '${FAST_DISK}'`);
      await server.sql(`CREATE TABLESPACE fast LOCATION '${FAST_DISK}'`);
      await server.sql(`${ACCOUNTS}; CREATE TABLE moments (at timestamptz, note text) TABLESPACE fast`);
      await server.sql("CREATE DATABASE other; INSERT INTO moments VALUES (now(), 'before')");
    }),
  );
});
after(() => sidecar[Symbol.asyncDispose]());

test("servers of three majors copied while others write start from what is restored, and hold one moment", async () => {
  const writers = await Promise.all([...servers.values()].map(startWriter));
  const committed = await Promise.all([...servers.values()].map(transfers));
  await sidecar.backup(physical("pg15 pg17 pg18"));
  const still = await Promise.all([...servers.values()].map(transfers));
  for (const end of writers) await end();
  still.forEach((count, at) => assert(count > committed[at]!, "nobody wrote while the copy was taken"));

  const { exitCode, stderr } = await sidecar.lifeboat(["restore", "latest", "--to", "/x/restored"]);
  assert.equal(exitCode, 0, stderr);
  for (const [at, major] of majors.entries()) {
    const folder = `restored/.databases/pg${major}/physical`;
    await using restored = await startRestored(sidecar, { major, name: `again${major}`, folder });
    assert.equal(await restored.sql(SUMS), "t\nt", "a transfer was torn");
    const count = await transfers(restored);
    assert(count >= committed[at]! && count <= still[at]!, `${count} transfers, of ${committed[at]} to ${still[at]}`);
    assert.equal(await restored.sql("SELECT note FROM moments"), "before");
    assert.equal(await restored.sql("SELECT current_database()", "other"), "other");
  }
});

test("what is known of each server is in the receipt", async () => {
  const sources = await sidecar.sources();
  for (const major of majors) {
    const server = servers.get(major)!;
    const source = sources.find(({ name }) => name === `pg${major} (physical)`);
    assert.equal(source?.kind, "postgres-physical");
    const facts = source.facts as Record<string, unknown>;
    assert.equal(Math.floor(Number(facts["versionNumber"]) / 10_000), major);
    assert.equal(facts["systemIdentifier"], await server.sql("SELECT system_identifier FROM pg_control_system()"));
    assert.match(String(facts["checkedBy"]), /^pg_verifybackup 18\./);
    assert.match(String(facts["walCheckedBy"]), major === 18 ? /^pg_waldump 18\./ : /^its names and sizes$/);
    assert.match(String(facts["manifestSha256"]), /^[0-9a-f]{64}$/);
    const [range] = facts["walRanges"] as { timeline: number; startLsn: string; stopLsn: string }[];
    assert.equal(range?.timeline, 1);
    assert.equal(await server.sql(`SELECT '${range.startLsn}'::pg_lsn < '${range.stopLsn}'::pg_lsn`), "t");
    const [tablespace] = facts["tablespaces"] as { name: string; location: string }[];
    assert.deepEqual([tablespace?.name, tablespace?.location], ["fast", FAST_DISK]);
    assert(Number(facts["copyBytes"]) > 20_000_000);
  }
});

test("a base backup goes on to any moment, where the server archives its log", async () => {
  const server = servers.get(17)!;
  await reconfigure(server, { archive_mode: "on", archive_command: "cp %p /wal/%f" });
  await sidecar.backup(physical("pg17"));
  await server.sql("INSERT INTO moments VALUES (now(), 'wanted')");
  const moment = await server.sql("SELECT clock_timestamp()");
  await server.sql("INSERT INTO moments VALUES (now(), 'by mistake')");
  const file = await server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())");
  await server.sql("SELECT pg_switch_wal()");
  await until("the log is archived", async () => (await readdir(join(sidecar.folder, "wal"))).includes(file));

  await sidecar.lifeboat(["restore", "latest", "--to", "/x/in-time"]);
  const folder = "in-time/.databases/pg17/physical";
  const page = await readFile(join(sidecar.folder, folder, "README.txt"), "utf8");
  const lines = page.split("\n").filter((line) => /^ {2}(restore|recovery)_/.test(line));
  const settings = lines
    .join("\n")
    .replace("/path/to/the/archive", "/wal")
    .replace(/'2026-.*'/, `'${moment}'`);
  const also = `cat >>data/postgresql.auto.conf <<'END'\n${settings}\nEND\n>data/recovery.signal; chmod 777 data/recovery.signal`;
  await using restored = await startRestored(sidecar, { major: 17, name: "in-time", folder, also });
  await until("it is promoted", async () => (await restored.sql("SELECT pg_is_in_recovery()")) === "f");
  assert.equal(await restored.sql("SELECT note FROM moments ORDER BY at"), "before\nwanted");
});
