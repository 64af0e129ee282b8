import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import type { Major, PostgresServer } from "../../servers/postgres.ts";
import { letSummarize, newestReceipt, RARELY } from "./increments.ts";
import { FAST_DISK, LATE_DISK, letReplicate, physical, startRestored } from "./physical.ts";
import { startSidecar, type Sidecar } from "./sidecar.ts";
import { ACCOUNTS, startSteadyWriter, SUMS, transfers } from "./transfers.ts";

const majors = [17, 18] as const;
const settings = physical("old pg17 pg18", { BACKUP_FULL_CRON_EXPRESSION: RARELY });
let sidecar: Sidecar;
const servers = new Map<Major, PostgresServer>();

before(async () => {
  sidecar = await startSidecar();
  await sidecar.sh("install -d -m 777 /x/wal");
  servers.set(15, await sidecar.server(15, "old"));
  for (const major of majors) servers.set(major, await sidecar.server(major, `pg${major}`));
  await Promise.all(
    [...servers.entries()].map(async ([major, server]) => {
      await server.ready();
      await letReplicate(server);
      if (major === 15) return;
      await letSummarize(server);
      await server.sh(`install -d -o postgres '${FAST_DISK}'`);
      await server.sql(`CREATE TABLESPACE fast LOCATION '${FAST_DISK}'`);
      await server.sql(`${ACCOUNTS}; CREATE TABLE moments (note text) TABLESPACE fast; CREATE TABLE gone (note text)`);
      await server.sql(
        "CREATE TABLE much AS SELECT n, md5(n::text) || md5((-n)::text) AS text FROM generate_series(1, 200000) n",
      );
      // Autovacuum would write to each page of it later on.
      await server.sql("VACUUM (FREEZE) much");
    }),
  );
});
after(() => sidecar[Symbol.asyncDispose]());

/** Copied whole in the full backup, and what has changed since, while others write, in the incremental one. */
let full: Awaited<ReturnType<typeof newestReceipt>>;
let incremental: typeof full;
const counts = new Map<Major, { readonly least: number; most: number }>();

test("an incremental backup holds what has changed since the full one, and says what it stands on", async () => {
  const said = await sidecar.backup(settings, 3);
  assert.match(said, /a full backup: there is no full backup yet/);
  assert.match(said, /server 'old' has version 15\.\S+ .*: it is copied whole each time, as increments begin with 17/);
  full = await newestReceipt(sidecar);
  assert.deepEqual([full.kind, full.parent], ["full", null]);

  for (const major of majors) {
    const server = servers.get(major)!;
    await server.sh(`install -d -o postgres '${LATE_DISK}'`);
    await server.sql(`CREATE TABLESPACE late LOCATION '${LATE_DISK}'`);
    await server.sql("CREATE DATABASE other");
    await server.sql(
      "DROP TABLE gone; INSERT INTO moments VALUES ('after'); CREATE TABLE fresh TABLESPACE late AS SELECT 7 AS n",
    );
  }
  const writers = await Promise.all(majors.map((major) => startSteadyWriter(servers.get(major)!)));
  for (const major of majors) counts.set(major, { least: await transfers(servers.get(major)!), most: Infinity });
  assert.match(await sidecar.backup(settings, 3), new RegExp(`base backups in it stand on full backup '${full.id}'`));
  for (const major of majors) counts.get(major)!.most = await transfers(servers.get(major)!);
  for (const end of writers) await end();

  incremental = await newestReceipt(sidecar);
  assert.deepEqual([incremental.kind, incremental.parent], ["incr", full.id]);
  assert.match(incremental.archive.key, /-incr\.tar\.zst\.gpg$/);
  for (const major of majors) {
    const [whole, part] = [full, incremental].map(({ sources }) =>
      sources.find(({ name }) => name === `pg${major} (physical)`)!,
    );
    const { manifestSha256 } = whole!.facts;
    assert.deepEqual(part!.facts["standsOn"], { backup: full.id, archive: full.archive.key, manifestSha256 });
  }
  assert.equal(incremental.sources.find(({ name }) => name === "old (physical)")?.facts["standsOn"], undefined);
});

test("another one stands on the full one too, and is a fraction of it where little was written", async () => {
  await sidecar.backup(physical("pg17 pg18", { BACKUP_FULL_CRON_EXPRESSION: RARELY }));
  const { kind, parent, archive } = await newestReceipt(sidecar);
  assert.deepEqual([kind, parent], ["incr", full.id]);
  assert(archive.sizeBytes < full.archive.sizeBytes / 5, `${archive.sizeBytes} of ${full.archive.sizeBytes} bytes`);
});

test("what is restored from it starts, and is of one moment under write load, tablespaces and all", async () => {
  const { exitCode, stderr } = await sidecar.lifeboat(["restore", incremental.id, "--to", "/x/restored"]);
  assert.equal(exitCode, 0, stderr);
  const { stdout } = await sidecar.sh(
    "cd /x; find restored -name 'INCREMENTAL*'; ls -A | grep lifeboat-restore; find restored/.databases -maxdepth 3",
  );
  assert.doesNotMatch(stdout, /INCREMENTAL|lifeboat-restore/);
  assert.match(stdout, /restored\/\.databases\/old\/physical\/data/);
  for (const major of majors) {
    const folder = `restored/.databases/pg${major}/physical`;
    assert.deepEqual((await readdir(join(sidecar.folder, folder))).sort(), ["README.txt", "data", "tablespaces"]);
    await using restored = await startRestored(sidecar, { major, name: `again${major}`, folder });
    assert.equal(await restored.sql(SUMS), "t\nt", "a transfer was torn");
    const [count, { least, most }] = [await transfers(restored), counts.get(major)!];
    assert(count >= least && count <= most, `${count} transfers, of ${least} to ${most}`);
    assert.equal(await restored.sql("SELECT note FROM moments; SELECT n FROM fresh"), "after\n7");
    assert.equal(
      await restored.sql(
        "SELECT to_regclass('gone') IS NULL; SELECT count(*), min(md5(n::text) = left(text, 32)) FROM (SELECT n, text, 1 FROM much) m".replace(
          "min(",
          "bool_and(",
        ),
      ),
      "t\n200000|t",
    );
    assert.equal(await restored.sql("SELECT current_database()", "other"), "other");
  }
});

test("where the programs of its major are missing, a restore names them and publishes nothing", async () => {
  const [here, aside] = ["/usr/local/lib/postgresql/17", "/tmp/aside"];
  await sidecar.sh(`mv ${here} ${aside}`);
  const ended = await sidecar.lifeboat(["restore", incremental.id, "--to", "/x/without/it"]);
  await sidecar.sh(`mv ${aside} ${here}`);
  assert.equal(ended.exitCode, 1);
  assert.match(ended.stdout, /there is no '\/usr\/local\/lib\/postgresql\/17\/bin\/pg_combinebackup'.*PostgreSQL 17/);
  assert.match(ended.stdout, /by hand/);
  assert.equal((await sidecar.sh("ls -A /x/without")).stdout, "");
});

test("the page in it says how to do that by hand", async () => {
  const parts = ["README.txt", "data", "tablespaces"].map((name) => `.databases/pg17/physical/${name}`);
  const raw = await sidecar.lifeboat(["restore", incremental.id, "--to", "/x/raw", "--only", ...parts]);
  assert.equal(raw.exitCode, 3, raw.stderr);
  assert.match(
    raw.stdout,
    /only parts of the increment in '\.databases\/pg17\/physical' are restored, and as they are/,
  );

  const folder = join(sidecar.folder, "raw/.databases/pg17/physical");
  const page = await readFile(join(folder, "README.txt"), "utf8");
  const [decrypt, ...commands] = page.split("\n").filter((line) => /^ {2}(gpg|mkdir|ln|\[|pg_)/.test(line));
  const home = join(sidecar.folder, "gnupg");
  await mkdir(home, { mode: 0o700 });
  await writeFile(
    join(home, "gpg.conf"),
    `batch\npinentry-mode loopback\npassphrase-file ${sidecar.folder}/passphrase\n`,
  );
  await sidecar.sh(`cp /x/archive/${full.archive.key} /x/raw/.databases/pg17/physical/`);
  await execa("sh", ["-ec", decrypt!], { cwd: folder, env: { GNUPGHOME: home } });
  const by = [
    "set -ex",
    "PATH=/usr/local/lib/postgresql/17/bin:$PATH",
    "cd /x/raw/.databases/pg17/physical",
    ...commands,
  ];
  const { exitCode, stderr } = await sidecar.sh(by.join("\n"));
  assert.equal(exitCode, 0, stderr);
  assert.equal((stderr.match(/pg_verifybackup combined/g) ?? []).length, 1);
  assert((await stat(join(folder, "combined/global/pg_control"))).isFile());
});

test("list shows what it stands on, and verify reads that as well", async () => {
  const listed = await sidecar.lifeboat(["list"]);
  assert.match(listed.stdout, new RegExp(`${incremental.id} .* incr on ${full.id} `));
  const { backups } = JSON.parse((await sidecar.lifeboat(["list", "--json"])).stdout) as { backups: (typeof full)[] };
  assert.deepEqual(
    backups.slice(0, 2).map(({ kind, parent }) => [kind, parent]),
    [
      ["full", null],
      ["incr", full.id],
    ],
  );
  const verified = await sidecar.lifeboat(["verify", incremental.id, "--read"]);
  assert.equal(verified.exitCode, 0, verified.stderr);
  for (const { id } of [full, incremental]) assert.match(verified.stdout, new RegExp(`^${id} on \\S+ read: `, "m"));
});
