import assert from "node:assert/strict";
import { open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { PostgresServer } from "../../servers/postgres.ts";
import { letSummarize, newestReceipt, RARELY, type Receipt } from "./increments.ts";
import { letReplicate, physical, reconfigure } from "./physical.ts";
import { startSidecar, type Settings, type Sidecar } from "./sidecar.ts";

const settings = physical("db", { BACKUP_FULL_CRON_EXPRESSION: RARELY });
let sidecar: Sidecar;
let server: PostgresServer;

before(async () => {
  sidecar = await startSidecar();
  server = await sidecar.server(18, "db");
  await server.ready();
  await letReplicate(server);
  await letSummarize(server);
});
after(() => sidecar[Symbol.asyncDispose]());

/** Lets a test begin with no backup. */
const clear = () => sidecar.sh("rm -rf /x/archive/* /x/second /x/state");

/** Backs up with the settings; fails unless what comes of it is of that kind. Gives its receipt, and all that was said. */
async function backUp(kind: "full" | "incr", more: Settings = {}, exitCode = 0): Promise<Receipt & { said: string }> {
  const said = await sidecar.backup({ ...settings, ...more }, exitCode);
  const receipt = await newestReceipt(sidecar);
  assert.equal(receipt.kind, kind, said);
  assert.equal(receipt.archive.key.includes(`-${kind}.`), true, receipt.archive.key);
  const increments = receipt.sources.filter(({ facts }) => facts["standsOn"] !== undefined);
  assert.equal(increments.length, kind === "full" ? 0 : 1);
  return { ...receipt, said };
}

/** A full backup, and one that stands on it. */
async function chain(more: Settings = {}): Promise<readonly [Receipt, Receipt]> {
  return [await backUp("full", more), await backUp("incr", more)];
}

test("a run is full when it is asked to be, when one is due, and when nothing says otherwise", async () => {
  await clear();
  const first = await backUp("full");
  const asked = await sidecar.lifeboat(["backup", "--full"], settings);
  assert.equal(asked.exitCode, 0, asked.stderr);
  const second = await newestReceipt(sidecar);
  assert.equal(second.kind, "full");
  assert.equal((await backUp("incr")).parent, second.id);
  assert.notEqual(second.id, first.id);
  const due = await backUp("full", { BACKUP_FULL_CRON_EXPRESSION: "* * * * * *" });
  assert.match(due.said, /a full backup: a full backup is due since 20/);
});

test("where the state folder is lost or damaged the next backup is full, and the one after it is not", async () => {
  await clear();
  const [full] = await chain();
  await sidecar.sh("rm -rf /x/state");
  assert.match(
    (await backUp("full")).said,
    new RegExp(`its manifest of full backup '${full.id}' is not in the state folder`),
  );
  await sidecar.sh("for f in /x/state/manifests/*/db; do printf x | dd of=$f bs=1 seek=500 conv=notrunc; done");
  assert.match((await backUp("full")).said, /its manifest of full backup '\w+' is damaged in the state folder/);
  await backUp("incr");
});

test("a server that no longer knows what has changed is copied whole, in its own words", async () => {
  await clear();
  await chain();
  await server.sh("rm $PGDATA/pg_wal/summaries/*");
  const { said } = await backUp("full");
  assert.match(said, /'db \(physical\)' is whole, as the server gave no increment: .*WAL summaries/);
  await backUp("incr");
});

test("summarize_wal switched off is a warning in each run, with what to do", async () => {
  await clear();
  await backUp("full");
  await server.sql("ALTER SYSTEM SET summarize_wal = off");
  await server.sql("SELECT pg_reload_conf()");
  const { said, warnings } = await backUp("full", {}, 3);
  assert.match(said, /'db' is copied whole each time, as summarize_wal is off: ALTER SYSTEM SET summarize_wal = on/);
  assert.match(warnings.join(), /summarize_wal/);
  await letSummarize(server);
});

test("a server that was promoted since is copied whole", async () => {
  await clear();
  await backUp("full");
  await server.sh("touch $PGDATA/standby.signal");
  await reconfigure(server, {});
  await server.sql("SELECT pg_promote()");
  assert.match((await backUp("full")).said, /'db' has gone over from timeline 1 to 2/);
});

const TWO = { RCLONE_DESTINATION: "two:/x/second", RCLONE_CONFIG_TWO_TYPE: "local" };

test("an increment is taken only where every target has what it stands on", async () => {
  await clear();
  await backUp("full");
  const { id, said } = await backUp("full", TWO);
  assert.match(said, /a full backup: no full backup is on every target/);
  assert.equal((await backUp("incr", TWO)).parent, id);
  await sidecar.sh(`rm /x/second/*-full.receipt.json`);
  await backUp("full", TWO);
});

test("a full backup that was cut off between its targets is not stood on, and what dies later leaves nothing", async () => {
  await clear();
  const cutOff = await sidecar.lifeboat(["backup"], { ...settings, ...TWO, LIFEBOAT_FAILPOINT: "ship:receipt:kill" });
  assert.equal(cutOff.exitCode, 137);
  const { id } = await backUp("full", TWO);
  for (const point of ["backup:copied", "backup:shipped"]) {
    const killed = await sidecar.lifeboat(["backup"], { ...settings, LIFEBOAT_FAILPOINT: `${point}:kill` });
    assert.equal(killed.exitCode, 137, point);
    assert.equal((await backUp("incr")).parent, id);
  }
  assert.deepEqual(await readdir(join(sidecar.folder, "state/manifests")), [id]);
  assert.equal((await sidecar.sh("ls -A /x/state/spool")).stdout, "");
});

/** Fails unless the restore of all of `id` fails with `why`, and leaves nothing behind. */
async function restoreFails(id: string, why: RegExp, exitCode = 13): Promise<void> {
  const ended = await sidecar.lifeboat(["restore", id, "--to", "/x/out/restored"], settings);
  assert.equal(ended.exitCode, exitCode, ended.stderr);
  assert.match(ended.stdout, why);
  assert.equal((await sidecar.sh("ls -A /x/out /x/state/spool | grep -v :")).stdout.trim(), "");
}

/** One chain for all that can go wrong with it on the way back, after which it is as it was. */
test("an increment comes back with its full backup, or not at all", async (t) => {
  await clear();
  const [full, { id }] = await chain();
  const archive = join(sidecar.folder, "archive");
  const receipt = join(archive, `${full.archive.key.replace(/\.tar.*/, "")}.receipt.json`);
  const text = await readFile(receipt, "utf8");

  await t.test(
    "without it, it is told as broken by list, verify and restore, and the rest of it restores",
    async () => {
      const gone = new RegExp(`backup '${id}' stands on full backup '${full.id}', which is not there on '/x/archive'`);
      await rm(receipt);
      const listed = await sidecar.lifeboat(["list"]);
      assert.equal(listed.exitCode, 3);
      assert.match(listed.stdout, gone);
      const verified = await sidecar.lifeboat(["verify", id]);
      assert.equal(verified.exitCode, 13);
      assert.match(verified.stdout, gone);
      await restoreFails(id, gone);
      const files = await sidecar.lifeboat(["restore", id, "--to", "/x/files", "--only", "private_key.pem"]);
      assert.equal(files.exitCode, 0, files.stderr);
    },
  );

  await t.test("one that cannot be trusted is named", async () => {
    await writeFile(receipt, text.replace('"sequence":', '"sequence":1'));
    await restoreFails(id, new RegExp(`'${full.id}', which cannot be trusted on '/x/archive'`));
    assert.equal((await sidecar.lifeboat(["verify", id])).exitCode, 13);
    await writeFile(receipt, text);
  });

  await t.test("one that is damaged is found out before anything is put together", async () => {
    const file = await open(join(archive, full.archive.key), "r+");
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 100_000);
    await file.write(Buffer.from([1, 2, 3, 4]), 0, 4, 100_000);
    await restoreFails(id, new RegExp(`'${full.archive.key}' on '/x/archive' is damaged`));
    const { exitCode, stdout } = await sidecar.lifeboat(["verify", id, "--read"]);
    assert.equal(exitCode, 13);
    assert.match(
      stdout,
      new RegExp(`${id} on /x/archive broken: it stands on full backup '${full.id}', which is broken`),
    );
    await file.write(buffer, 0, 4, 100_000);
    await file.close();
  });

  await t.test("what does not come out right of putting together is not published", async () => {
    await sidecar.shadow("pg_combinebackup", "echo 'pg_combinebackup: error: no' >&2; exit 1");
    await restoreFails(id, /the base backup of 'db' could not be put together .*pg_combinebackup: error: no/, 1);
    const flip = 'for a; do case $a in --output=*) echo x >>"${a#--output=}/PG_VERSION" ;; esac; done';
    await sidecar.shadow("pg_combinebackup", `/usr/local/bin/pg_combinebackup "$@" && ${flip}`);
    await restoreFails(id, /could not be put together .*"PG_VERSION" has size/, 1);
    await sidecar.unshadow();
  });

  await t.test("a restore that is killed meanwhile publishes nothing, and the next one works", async () => {
    await sidecar.shadow("pg_combinebackup", 'kill -9 $PPID; exec /usr/local/bin/pg_combinebackup "$@"');
    const killed = await sidecar.lifeboat(["restore", id, "--to", "/x/out/again"], settings);
    assert.equal(killed.exitCode, 137);
    await sidecar.unshadow();
    assert.doesNotMatch((await sidecar.sh("ls /x/out")).stdout, /again/);
    const { exitCode, stderr } = await sidecar.lifeboat(["restore", id, "--to", "/x/out/again"], settings);
    assert.equal(exitCode, 0, stderr);
  });
});

/** Lets the program live on another day. */
async function onDay(ago: number): Promise<Settings> {
  await writeFile(
    join(sidecar.folder, "day.mjs"),
    `const real = Date; const ms = process.env.DAYS_AGO * 86400000;
     globalThis.Date = class extends real { constructor(...a) { super(...(a.length ? a : [real.now() - ms])); } static now() { return real.now() - ms; } };`,
  );
  return { NODE_OPTIONS: "--import /x/day.mjs", DAYS_AGO: String(ago) };
}

test("retention keeps a full backup while one that is kept stands on it, and removes both afterwards", async () => {
  await clear();
  const a = await backUp("full", await onDay(12));
  const b = await backUp("incr", await onDay(8));
  const c = await backUp("incr", await onDay(6));
  const asked = await sidecar.lifeboat(["backup", "--full"], { ...settings, ...(await onDay(5)) });
  assert.equal(asked.exitCode, 0, asked.stderr);
  const d = await newestReceipt(sidecar);
  const e = await backUp("incr", { BACKUP_RETENTION_DAYS: "7" });
  assert.deepEqual([b.parent, c.parent, e.parent], [a.id, a.id, d.id]);
  const listed = async () => {
    const { stdout } = await sidecar.lifeboat(["list", "--json"]);
    return (JSON.parse(stdout) as { backups: { id: string }[] }).backups.map(({ id }) => id);
  };
  assert.deepEqual(await listed(), [a.id, c.id, d.id, e.id]);
  const later = { BACKUP_RETENTION_DAYS: "7", ...(await onDay(-2)) };
  const pruned = await sidecar.lifeboat(["prune"], later);
  assert.equal(pruned.exitCode, 0, pruned.stderr);
  assert.deepEqual(await listed(), [d.id, e.id]);
});
