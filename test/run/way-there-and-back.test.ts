import assert from "node:assert/strict";
import { lstat, readlink, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Database from "better-sqlite3";
import { execa } from "execa";
import { contentsOf, fillWithData, makeSandbox, type Sandbox } from "./sandbox.ts";

let sandbox: Sandbox;
let id: string;

before(async () => {
  sandbox = await makeSandbox();
  await fillWithData(sandbox.data);
});
after(() => sandbox[Symbol.asyncDispose]());

test("a backup leaves an archive, an index and a receipt on the target, and nothing else anywhere", async () => {
  const { exitCode, stdout, stderr } = await sandbox.lifeboat(["backup", "--json"]);
  assert.equal(exitCode, 0, stderr);
  const report = JSON.parse(stdout) as { outcome: string; backupId: string; steps: { name: string }[] };
  assert.equal(report.outcome, "succeeded");
  id = report.backupId;
  assert.match(id, /^[0-9a-f]{8}$/);
  const names = await sandbox.stored();
  assert.deepEqual(
    names.map((name) => name.replace(/\d{8}T\d{6}Z/, "T")),
    ["stack-T-full.index.zst.gpg", "stack-T-full.receipt.json", "stack-T-full.tar.zst.gpg"],
  );
  assert.deepEqual(await readdir(join(sandbox.state, "spool")), []);
});

test("a database is checked once nothing has to be at rest for it", async () => {
  await using other = await makeSandbox();
  await fillWithData(other.data);
  const { exitCode, stderr } = await other.lifeboat(["backup"], { LOG_LEVEL: "debug" });
  assert.equal(exitCode, 0, stderr);
  const at = (words: RegExp) => stderr.search(words);
  assert.ok(at(/database copied database=app\/app.db method=online/) > 0, stderr);
  assert.ok(
    at(/step ended .*step=copy/) < at(/database read back database=app\/app.db check="structure and indexes"/),
    stderr,
  );
});

test("the passphrase is in no output, log or stored file", async () => {
  const ended = await sandbox.lifeboat(["backup"], { LOG_LEVEL: "debug", LOG_FORMAT: "json" });
  const config = await sandbox.lifeboat(["config"]);
  for (const text of [ended.stdout, ended.stderr, config.stdout]) assert(!text.includes(sandbox.passphrase));
  assert.match(config.stdout, /GPG_PASSPHRASE.*\*\*\*/);
  const { exitCode } = await execa("grep", ["-rqaF", sandbox.passphrase, sandbox.archive, sandbox.state], {
    reject: false,
  });
  assert.equal(exitCode, 1, "grep found the passphrase in what was stored");
});

test("list shows each backup with its id, size, state and target", async () => {
  const { stdout } = await sandbox.lifeboat(["list"]);
  assert.match(stdout, new RegExp(`${id} .* full .* good .* ${sandbox.archive}`));
  assert.match(stdout, /2 backups, /);
  const { backups } = JSON.parse((await sandbox.lifeboat(["list", "--json"])).stdout) as { backups: { id: string }[] };
  assert.equal(backups[0]?.id, id);
});

test("ls shows the files below a path, odd names on one line each", async () => {
  const { stdout } = await sandbox.lifeboat(["ls", id.slice(0, 6), "app"]);
  assert.match(stdout, /-rw------- .* app\/private_key\.pem$/m);
  assert.match(stdout, / app\/-leading dash\\x0aand newline$/m);
  assert.match(stdout, / app\/current\.pem -> private_key\.pem$/m);
  const shown = stdout
    .split("\n")
    .flatMap((line) => (line.includes("\\") ? [] : [line.slice(line.indexOf(" app") + 1)]));
  assert.deepEqual(shown, shown.toSorted());
  const nothing = await sandbox.lifeboat(["ls", id, "no/such"]);
  assert.equal(nothing.exitCode, 10);
});

test("verify finds the backup complete, and with --read every byte in place", async () => {
  assert.match((await sandbox.lifeboat(["verify"])).stdout, /complete/);
  const read = await sandbox.lifeboat(["verify", "all", "--read", "--json"]);
  assert.equal(read.exitCode, 0, read.stderr);
  const { verified } = JSON.parse(read.stdout) as { verified: { result: string }[] };
  assert.deepEqual(
    verified.map(({ result }) => result),
    ["read", "read"],
  );
});

test("restore brings back every file, byte for byte, with modes, links and odd names", async () => {
  const to = join(sandbox.folder, "restored");
  const { exitCode, stderr } = await sandbox.lifeboat(["restore", id, "--to", to]);
  assert.equal(exitCode, 0, stderr);
  assert.deepEqual(await contentsOf(to), await contentsOf(sandbox.data));
  assert.equal((await stat(join(to, "app", "private_key.pem"))).mode & 0o777, 0o600);
  assert.equal((await stat(join(to, "app", "empty"))).mode & 0o777, 0o750);
  assert.equal(await readlink(join(to, "app", "current.pem")), "private_key.pem");
  const database = new Database(join(to, "app", "app.db"), { readonly: true });
  assert.equal(database.pragma("user_version", { simple: true }), 7);
  assert.equal(database.prepare("SELECT count(*) FROM clients").pluck().get(), 500);
  database.close();
  assert.deepEqual(
    (await readdir(sandbox.folder)).filter((name) => name.startsWith(".")),
    [],
  );
});

test("restore into an empty folder that is there already fills it", async () => {
  const to = join(sandbox.folder, "prepared");
  await execa("mkdir", [to]);
  assert.equal((await sandbox.lifeboat(["restore", "latest", "--to", to])).exitCode, 0);
  assert.deepEqual(await contentsOf(to), await contentsOf(sandbox.data));
});

test("restore into a folder that is a mount of its own fills it", async () => {
  const to = join(sandbox.folder, "mounted");
  await execa("mkdir", [to]);
  await execa("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", to]);
  try {
    const { exitCode, stderr } = await sandbox.lifeboat(["restore", "latest", "--to", to]);
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(await contentsOf(to), await contentsOf(sandbox.data));
    assert.deepEqual(await readdir(to), ["app"]);
  } finally {
    await execa("umount", [to]);
  }
});

test("restore refuses a folder that holds something, before it fetches anything", async () => {
  const { exitCode, stderr } = await sandbox.lifeboat(["restore", "latest", "--to", sandbox.data]);
  assert.equal(exitCode, 2);
  assert.match(stderr, /not empty/);
});

test("gpg, zstd and tar open the archive without this program", async () => {
  const archive = (await sandbox.stored()).find((name) => name.endsWith(".tar.zst.gpg"));
  const to = join(sandbox.folder, "by-hand");
  const home = join(sandbox.folder, "gnupg");
  await execa("mkdir", ["-m", "700", to, home]);
  const script =
    'gpg --batch --quiet --pinentry-mode loopback --passphrase-file "$PASS" --decrypt "$FILE" | zstd -d | tar -x -C "$TO"';
  await execa("bash", ["-o", "pipefail", "-ec", script], {
    env: {
      GNUPGHOME: home,
      PASS: join(sandbox.folder, "passphrase"),
      FILE: join(sandbox.archive, archive ?? ""),
      TO: to,
    },
  });
  assert.deepEqual(await contentsOf(join(to, "backup")), await contentsOf(sandbox.data));
});

test("decrypt opens one sealed file into a plain one beside it", async () => {
  const index = (await sandbox.stored()).find((name) => name.endsWith(".index.zst.gpg"));
  const to = join(sandbox.folder, "index.jsonl");
  const { exitCode, stderr } = await sandbox.lifeboat(["decrypt", join(sandbox.archive, index ?? ""), "--to", to]);
  assert.equal(exitCode, 0, stderr);
  assert((await lstat(to)).size > 0);
  const again = await sandbox.lifeboat(["decrypt", join(sandbox.archive, index ?? ""), "--to", to]);
  assert.notEqual(again.exitCode, 0);
  assert.match(again.stderr, /exist/);
});

test("a new machine with an empty state folder lists and restores from the target alone", async () => {
  const fresh = { BACKUP_STATE: join(sandbox.folder, "fresh-state"), BACKUP_SOURCES: "/nonexistent" };
  const to = join(sandbox.folder, "elsewhere");
  const { exitCode, stderr } = await sandbox.lifeboat(["restore", "latest", "--to", to], fresh);
  assert.equal(exitCode, 0, stderr);
  assert.deepEqual(await contentsOf(to), await contentsOf(sandbox.data));
});
