import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import Database from "better-sqlite3";
import { until } from "../../until.ts";
import { makeSandbox, type Ended, type Sandbox } from "../sandbox.ts";
import { makeMountedSandbox, pictureOf, putMoment } from "./mounted-sandbox.ts";

const run = promisify(execFile);

async function sandboxOf(t: TestContext): Promise<Sandbox> {
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  return sandbox;
}

const restore = (sandbox: Sandbox, ...more: string[]) =>
  sandbox.lifeboat(["restore", "latest", "--in-place", "--yes", ...more]);

function succeeded({ exitCode, stdout, stderr }: Ended): void {
  assert.equal(exitCode, 0, stdout + stderr);
}

test("what belongs to a process, or to another state of a database, is gone; what no backup has stays", async (t) => {
  const { data, lifeboat, ...rest } = await sandboxOf(t);
  const sandbox = { data, lifeboat, ...rest };
  const env = { BACKUP_EXCLUDE: "*.log, cache, *.new, kept.db" };
  await mkdir(join(data, "app", "cache"), { recursive: true });
  const live = new Database(join(data, "app", "app.db"));
  live.exec("CREATE TABLE t (x); INSERT INTO t VALUES ('then')");
  live.close();
  await writeFile(join(data, "app", "services.db"), "then");
  succeeded(await lifeboat(["backup"], env));

  for (const name of ["app.db-wal", "app.db-shm", "app.db-journal", "services.db.new", "app.pid", "later"]) {
    await writeFile(join(data, "app", name), "of another state");
  }
  for (const name of ["out.log", "cache/page", "kept.db", "kept.db-wal"]) {
    await writeFile(join(data, "app", name), "stays");
  }
  const server = createServer().listen(join(data, "app", "app.sock"));
  t.after(() => server.close());
  await writeFile(join(data, "app", "services.db"), "now");

  succeeded(await lifeboat(["restore", "latest", "--in-place", "--yes"], env));
  assert.deepEqual((await readdir(join(data, "app"))).sort(), [
    ...["app.db", "cache", "kept.db", "kept.db-wal", "out.log", "services.db"],
  ]);
  assert.equal(await readFile(join(data, "app", "services.db"), "utf8"), "then");
  assert.equal(await readFile(join(data, "app", "cache", "page"), "utf8"), "stays");
  const restored = new Database(join(data, "app", "app.db"), { readonly: true });
  assert.deepEqual(restored.prepare("SELECT x FROM t").pluck().all(), ["then"]);
  restored.close();
  assert.deepEqual(await readdir(data), ["app"], "nothing of the restore is left");
  assert.equal((await readdir(sandbox.state)).filter((name) => name.includes("in-place")).length, 0);
});

test("--only replaces a file, a folder and a database, and nothing else", async (t) => {
  const sandbox = await makeMountedSandbox(t);
  await putMoment(sandbox.data, "new");
  const allNew = await pictureOf(sandbox.data);
  succeeded(await sandbox.lifeboat(["backup"]));
  await putMoment(sandbox.data, "old");
  const allOld = await pictureOf(sandbox.data);
  await writeFile(join(sandbox.data, "volume", "app.db-wal"), "of another state");

  const paths = ["volume/app.db", "./top/both/file", "/volume/inner/folder-new/", "config.toml"];
  succeeded(await restore(sandbox, "--only", ...paths));
  const wanted = /^(volume\/app\.db|top\/both\/file|volume\/inner\/folder-new(\/file)?|config\.toml) /;
  const expected = [...allOld.filter((line) => !wanted.test(line)), ...allNew.filter((line) => wanted.test(line))];
  assert.deepEqual([...(await pictureOf(sandbox.data))].sort(), expected.sort());

  const none = await restore(sandbox, "--only", "volume/nothing");
  assert.equal(none.exitCode, 10);
  assert.match(none.stdout, /the backup has no 'volume\/nothing'/);
  assert.match((await restore(sandbox, "--only", "app.db")).stdout, /Did you mean 'volume\/app\.db'\?/);
  succeeded(await restore(sandbox, "--only", "backup/volume/app.db"));
});

test("after a restore a diff with the backup shows nothing, to the nanosecond", async (t) => {
  const sandbox = await makeMountedSandbox(t);
  await putMoment(sandbox.data, "new");
  succeeded(await sandbox.lifeboat(["backup"]));
  await putMoment(sandbox.data, "old");
  succeeded(await restore(sandbox));
  assert.equal((await sandbox.lifeboat(["diff", "latest"])).stdout, "0 added, 0 removed, 0 changed");
});

test("the folders themselves have the times they had, to the nanosecond, after a restore and after one undone", async (t) => {
  const sandbox = await makeMountedSandbox(t);
  const folders = ["volume", "volume/inner", "."].map((path) => join(sandbox.data, path));
  const setTimes = (day: string) => run("touch", [`--date=${day} 03:04:05.123456789`, ...folders]);
  const times = () => run("stat", ["--format=%y", ...folders]).then(({ stdout }) => stdout);
  await putMoment(sandbox.data, "new");
  await setTimes("2026-02-14");
  const saved = await times();
  assert.match(saved, /^(2026-02-14 03:04:05\.123456789.*\n){3}$/);
  succeeded(await sandbox.lifeboat(["backup"]));
  await putMoment(sandbox.data, "old");
  await setTimes("2026-03-01");
  const live = await times();
  const undone = await sandbox.lifeboat(["restore", "latest", "--in-place", "--yes"], {
    LIFEBOAT_FAILPOINT: "in-place:released:enospc",
  });
  assert.equal(undone.exitCode, 1, undone.stdout);
  assert.equal(await times(), live);
  succeeded(await restore(sandbox));
  assert.equal(await times(), saved);
});

test("a folder that is gone comes back with its owner and mode when one file of it is restored", async (t) => {
  const sandbox = await sandboxOf(t);
  await mkdir(join(sandbox.data, "a", "b"), { recursive: true });
  await chmod(join(sandbox.data, "a", "b"), 0o2750);
  await writeFile(join(sandbox.data, "a", "b", "one"), "1");
  await writeFile(join(sandbox.data, "a", "b", "two"), "2");
  await writeFile(join(sandbox.data, "other"), "");
  const before = await pictureOf(sandbox.data);
  succeeded(await sandbox.lifeboat(["backup"]));
  await rm(join(sandbox.data, "a"), { recursive: true });
  succeeded(await restore(sandbox, "--only", "a/b/one"));
  assert.deepEqual(
    await pictureOf(sandbox.data),
    before.filter((line) => !line.startsWith("a/b/two ")),
  );
});

test("--keep-old keeps what was replaced beside the new, and no backup ever has it", async (t) => {
  const sandbox = await sandboxOf(t);
  await writeFile(join(sandbox.data, "file"), "then");
  succeeded(await sandbox.lifeboat(["backup"]));
  await writeFile(join(sandbox.data, "file"), "now");
  const ended = await restore(sandbox, "--keep-old");
  succeeded(ended);
  const [, kept] = /old data kept folder=(\S+)/.exec(ended.stderr) ?? [];
  assert.equal(await readFile(join(kept ?? "", "file"), "utf8"), "now");
  succeeded(await sandbox.lifeboat(["backup"]));
  const { stdout } = await sandbox.lifeboat(["ls", "latest"]);
  assert(!stdout.includes(".lifeboat-"), stdout);
});

test("a restore goes on when nobody reads its log any more", async (t) => {
  const sandbox = await sandboxOf(t);
  await writeFile(join(sandbox.data, "file"), "then");
  succeeded(await sandbox.lifeboat(["backup"]));
  await writeFile(join(sandbox.data, "file"), "now");
  const restoring = sandbox.start(["restore", "latest", "--in-place", "--yes"], { LOG_LEVEL: "debug" });
  for await (const _ of restoring.stderr) break; // Closes the pipe after the first line.
  assert.equal((await restoring).exitCode, 0);
  assert.equal(await readFile(join(sandbox.data, "file"), "utf8"), "then");
});

test("--at takes the newest backup of that time, in TZ, and says so when there was none", async (t) => {
  const sandbox = await sandboxOf(t);
  for (const moment of ["first", "second"]) {
    await writeFile(join(sandbox.data, "file"), moment);
    succeeded(await sandbox.lifeboat(["backup"]));
  }
  const listed = JSON.parse((await sandbox.lifeboat(["list", "--json"])).stdout) as { backups: { takenAt: string }[] };
  const [first] = listed.backups.map(({ takenAt }) => takenAt);
  succeeded(await restore(sandbox, "--at", first ?? ""));
  assert.equal(await readFile(join(sandbox.data, "file"), "utf8"), "first");
  const to = join(sandbox.folder, "to");
  succeeded(await sandbox.lifeboat(["restore", "latest", "--to", to, "--at", first ?? "", "--only", "file"]));
  assert.equal(await readFile(join(to, "file"), "utf8"), "first");

  const early = await restore(sandbox, "--at", "2001-01-01 02:00");
  assert.equal(early.exitCode, 10);
  assert.match(early.stdout, /no backup taken at or before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+.*\n.*oldest there is/);
  assert.equal((await restore(sandbox, "--at", "2001-02-30 02:00")).exitCode, 2);
});

test("a dry run, no terminal, a wrong key, a hole, no room and a broken archive leave everything as it was", async (t) => {
  const sandbox = await sandboxOf(t);
  await writeFile(join(sandbox.data, "file"), "then");
  succeeded(await sandbox.lifeboat(["backup"]));
  await writeFile(join(sandbox.data, "file"), "now");
  const before = await pictureOf(sandbox.data);
  const refusal = async (exitCode: number, words: RegExp, args: readonly string[], env = {}) => {
    const ended = await sandbox.lifeboat(["restore", ...args], env);
    assert.equal(ended.exitCode, exitCode, ended.stdout + ended.stderr);
    assert.match(ended.stdout + ended.stderr, words);
    assert.deepEqual(await pictureOf(sandbox.data), before);
  };
  await refusal(0, /everything is replaced by 1 file, 4 B/, ["latest", "--in-place", "--dry-run"]);
  await refusal(2, /no terminal to ask on/, ["latest", "--in-place"]);
  await refusal(2, /either to a folder or in place/, ["latest"]);
  await refusal(2, /belong to --in-place/, ["latest", "--to", "/tmp/x", "--yes"]);
  await refusal(10, /no backup 'ffff'/, ["ffff", "--in-place", "--yes"]);
  const wrong = join(sandbox.folder, "wrong");
  await writeFile(wrong, "no such words");
  await refusal(12, /was made with another passphrase/, ["latest", "--in-place", "--yes"], {
    GPG_PASSPHRASE_FILE: wrong,
  });

  const [archive = ""] = (await sandbox.stored()).filter((name) => name.includes(".tar."));
  const path = join(sandbox.archive, archive);
  const bytes = await readFile(path);
  const broken = Buffer.from(bytes);
  broken[200] = (broken[200] ?? 0) ^ 1;
  await writeFile(path, broken);
  await refusal(13, /is damaged/, ["latest", "--in-place", "--yes"]);
  await rename(path, `${path}.away`);
  await refusal(13, /is missing/, ["latest", "--in-place", "--yes"]);
});

test("too little room on one of the mounts is told before anything is written there", async (t) => {
  const sandbox = await sandboxOf(t);
  const volume = join(sandbox.data, "volume");
  await mkdir(volume);
  await writeFile(join(volume, "file"), "then");
  await writeFile(join(sandbox.data, "other"), "then");
  succeeded(await sandbox.lifeboat(["backup"]));
  await run("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", volume]);
  try {
    const before = await pictureOf(sandbox.data);
    const { exitCode, stdout } = await restore(sandbox);
    assert.equal(exitCode, 1);
    assert.match(stdout, /not enough space in '\S+\/volume' to put the new data beside the old/);
    assert.deepEqual(await pictureOf(sandbox.data), before);
  } finally {
    await run("umount", ["--lazy", volume]);
  }
});

test("a restore waits for no other run, and one that is told to end puts everything back", async (t) => {
  const sandbox = await sandboxOf(t);
  await writeFile(join(sandbox.data, "file"), "then");
  succeeded(await sandbox.lifeboat(["backup"]));
  await writeFile(join(sandbox.data, "file"), "now");
  const args = ["restore", "latest", "--in-place", "--yes"];
  const hanging = sandbox.start(args, { LIFEBOAT_FAILPOINT: "in-place:released:hang" });
  await until("the new data is there", async () => (await readFile(join(sandbox.data, "file"), "utf8")) === "then");
  for (const other of [args, ["backup"]]) assert.equal((await sandbox.lifeboat(other)).exitCode, 11);
  hanging.kill("SIGTERM");
  assert.equal((await hanging).exitCode, 143);
  assert.equal(await readFile(join(sandbox.data, "file"), "utf8"), "now");
  assert.deepEqual(await readdir(sandbox.data), ["file"]);
});

test("a database that is not whole is never put in place, unless it was damaged when it was saved", async (t) => {
  const sandbox = await sandboxOf(t);
  const path = join(sandbox.data, "app.db");
  const database = new Database(path);
  database.exec("CREATE TABLE t (x TEXT); CREATE INDEX i ON t (x)");
  const insert = database.prepare("INSERT INTO t VALUES (?)");
  for (let at = 0; at < 2000; at++) insert.run(`row ${at}`);
  database.close();
  const bytes = await readFile(path);
  bytes.fill(0, 4096 * 3, 4096 * 4);
  await writeFile(path, bytes);
  // As a file like any other, nobody looks at it when it is saved.
  succeeded(await sandbox.lifeboat(["backup"], { BACKUP_SQLITE: "off" }));
  await writeFile(path, "now");
  const refused = await restore(sandbox);
  assert.equal(refused.exitCode, 13, refused.stdout);
  assert.match(refused.stdout, /database 'app\.db' is not whole: SQLite/);
  assert.equal(await readFile(path, "utf8"), "now");
  // That what was staged cannot be taken away must not hide why.
  const args = ["restore", "latest", "--in-place", "--yes"];
  const untidy = await sandbox.lifeboat(args, { LIFEBOAT_FAILPOINT: "in-place:place-finished:throw" });
  assert.equal(untidy.exitCode, 13, untidy.stdout);
  assert.match(untidy.stdout, /cannot be removed yet[^]*is not whole|is not whole[^]*cannot be removed yet/);

  await writeFile(path, bytes);
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 3, "saved, and told");
  await writeFile(path, "now");
  const told = await restore(sandbox);
  assert.equal(told.exitCode, 3);
  assert.match(told.stdout, /'app\.db' was damaged when it was saved/);
  assert.notEqual(await readFile(path, "utf8"), "now");
});

test("where a symlink was saved and a volume is mounted now, nothing is read or written through the link", async (t) => {
  const sandbox = await sandboxOf(t);
  const [volume, elsewhere] = [join(sandbox.data, "volume"), join(sandbox.folder, "elsewhere")];
  await mkdir(elsewhere);
  await writeFile(join(elsewhere, "secret"), "not ours");
  await symlink(elsewhere, volume);
  await writeFile(join(sandbox.data, "file"), "then");
  // It leads out of what is saved, which is told.
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 3);
  await rm(volume);
  await mkdir(volume);
  await run("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", volume]);
  try {
    await writeFile(join(volume, "now"), "now");
    const before = await pictureOf(sandbox.data);
    const { exitCode, stdout } = await restore(sandbox);
    assert.equal(exitCode, 1);
    assert.match(stdout, /'volume' was a symlink when it was saved, and is a mount now/);
    assert.deepEqual(await pictureOf(sandbox.data), before);
    assert.deepEqual(await readdir(elsewhere), ["secret"]);
  } finally {
    await run("umount", ["--lazy", volume]);
  }
});
