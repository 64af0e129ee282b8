import assert from "node:assert/strict";
import { chown, cp, mkdir, open, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { until } from "../until.ts";
import { contentsOf, fillWithData, main, makeSandbox, type Sandbox } from "./sandbox.ts";

let sandbox: Sandbox;

before(async () => {
  sandbox = await makeSandbox();
  await fillWithData(sandbox.data);
  const { exitCode, stderr } = await sandbox.lifeboat(["backup"]);
  assert.equal(exitCode, 0, stderr);
});
after(() => sandbox[Symbol.asyncDispose]());

/** A copy of the target with something done to it, used instead of the real one for one command. */
async function withDamaged<T>(
  damage: (path: (ending: string) => string) => Promise<void>,
  use: (env: { BACKUP_ARCHIVE: string }) => Promise<T>,
): Promise<T> {
  const copy = `${sandbox.archive}-damaged`;
  await cp(sandbox.archive, copy, { recursive: true });
  const names = await readdir(copy);
  try {
    await damage((ending) => join(copy, names.find((name) => name.endsWith(ending)) ?? assert.fail(ending)));
    return await use({ BACKUP_ARCHIVE: copy });
  } finally {
    await rm(copy, { recursive: true });
  }
}

async function flip(path: string, at: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
    buffer[0] = (buffer[0] ?? 0) ^ 0x10;
    await file.write(buffer, 0, 1, at);
  } finally {
    await file.close();
  }
}

test("a wrong passphrase ends with exit code 12, and nothing is fetched or made", async () => {
  const to = join(sandbox.folder, "wrong-key");
  const wrong = { GPG_PASSPHRASE_FILE: "", GPG_PASSPHRASE: "not the right passphrase" };
  for (const args of [["restore", "latest", "--to", to], ["verify"], ["ls", "latest"]]) {
    const { exitCode, stderr } = await sandbox.lifeboat(args, wrong);
    assert.equal(exitCode, 12, `${args[0]}: ${stderr}`);
    assert.match(stderr, /passphrase/);
  }
  await assert.rejects(stat(to), /ENOENT/);
});

for (const ending of [".tar.zst.gpg", ".index.zst.gpg", ".receipt.json"]) {
  test(`a flipped bit in the ${ending} is found by verify --read, and never restored`, async () => {
    for (const part of [0.01, 0.5, 0.99]) {
      await withDamaged(
        async (path) => flip(path(ending), Math.floor((await stat(path(ending))).size * part)),
        async (env) => {
          const verified = await sandbox.lifeboat(["verify", "latest", "--read"], env);
          assert.equal(verified.exitCode, 13, `at ${part}: ${verified.stdout}${verified.stderr}`);
          assert.match(
            verified.stdout + verified.stderr,
            new RegExp(`stack-\\d+T\\d+Z-full${ending.replaceAll(".", "\\.")}`),
          );
          const to = join(sandbox.folder, "never");
          const restored = await sandbox.lifeboat(["restore", "latest", "--to", to], env);
          assert.equal(restored.exitCode, 13, restored.stderr);
          await assert.rejects(stat(to), /ENOENT/);
        },
      );
    }
  });
}

test("a truncated archive is found without reading it", async () => {
  await withDamaged(
    async (path) => truncate(path(".tar.zst.gpg"), 1000),
    async (env) => {
      const { exitCode, stdout } = await sandbox.lifeboat(["verify"], env);
      assert.equal(exitCode, 13);
      assert.match(stdout, /has 1000 bytes, its receipt says/);
      assert.match((await sandbox.lifeboat(["list"], env)).stdout, /is no backup/);
    },
  );
});

test("a receipt without its archive is no backup, and says so", async () => {
  await withDamaged(
    async (path) => rm(path(".tar.zst.gpg")),
    async (env) => {
      const { exitCode, stdout } = await sandbox.lifeboat(["verify", "all"], env);
      assert.equal(exitCode, 13);
      assert.match(stdout, /\.tar\.zst\.gpg' is missing, but its receipt is there/);
    },
  );
});

test("an archive without its receipt is no backup: it is not listed, and verify names it", async () => {
  await withDamaged(
    async (path) => rm(path(".receipt.json")),
    async (env) => {
      assert.match((await sandbox.lifeboat(["list"], env)).stdout, /no backups yet/);
      assert.match((await sandbox.lifeboat(["verify", "all"], env)).stdout, /without a receipt/);
      assert.equal((await sandbox.lifeboat(["restore", "latest", "--to", "/nonexistent/x"], env)).exitCode, 10);
    },
  );
});

test("the archive of another backup under this one's name is refused", async () => {
  const other = await makeSandbox();
  try {
    await fillWithData(other.data);
    await other.lifeboat(["backup"], { GPG_PASSPHRASE_FILE: join(sandbox.folder, "passphrase") });
    const theirs = (await other.stored()).find((name) => name.endsWith(".tar.zst.gpg")) ?? "";
    await withDamaged(
      async (path) => rename(join(other.archive, theirs), path(".tar.zst.gpg")),
      async (env) => assert.equal((await sandbox.lifeboat(["verify", "--read"], env)).exitCode, 13),
    );
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

test("an id that does not exist ends with exit code 10", async () => {
  const { exitCode, stderr } = await sandbox.lifeboat(["ls", "ffffffff"]);
  assert.equal(exitCode, 10);
  assert.match(stderr, /ffffffff/);
});

test("one target that fails degrades the run, and the other holds the backup", async () => {
  const broken = {
    RCLONE_CONFIG_BROKEN_TYPE: "local",
    RCLONE_CONFIG_BROKEN_PASSWORD: "secret-canary-value",
    RCLONE_DESTINATION: "broken:/proc/nowhere",
  };
  const { exitCode, stdout, stderr } = await sandbox.lifeboat(["backup"], broken);
  assert.equal(exitCode, 3, stderr);
  assert.match(stdout, /broken:\/proc\/nowhere.*failed/);
  assert.match(stdout, /archive: shipped and proven/);
  assert(!`${stdout}${stderr}`.includes("secret-canary-value"));
});

test("a run that no target takes fails, and leaves nothing behind", async () => {
  const to = join(sandbox.folder, "small");
  await mkdir(to);
  await execa("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", to]);
  try {
    const { exitCode, stderr } = await sandbox.lifeboat(["backup"], { BACKUP_ARCHIVE: to });
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /space|ENOSPC/);
    assert.deepEqual(await readdir(to), []);
  } finally {
    await execa("umount", [to]);
  }
});

test("too little space in the state folder is told before anything is done", async () => {
  const state = join(sandbox.folder, "small-state");
  await mkdir(state);
  await execa("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", state]);
  try {
    const { exitCode, stderr } = await sandbox.lifeboat(["backup"], { BACKUP_STATE: state });
    assert.equal(exitCode, 1);
    assert.match(stderr, /not enough space in '.*small-state'/);
  } finally {
    await execa("umount", [state]);
  }
});

test("an empty or missing source folder is an error, not an empty backup", async () => {
  const empty = join(sandbox.folder, "empty");
  await mkdir(empty);
  const count = (await sandbox.stored()).length;
  const nothing = await sandbox.lifeboat(["backup"], { BACKUP_SOURCES: empty });
  assert.equal(nothing.exitCode, 1);
  assert.match(nothing.stderr, /nothing to save/);
  const missing = await sandbox.lifeboat(["backup"], { BACKUP_SOURCES: join(sandbox.folder, "missing") });
  assert.equal(missing.exitCode, 2);
  assert.match(missing.stderr, /BACKUP_SOURCES/);
  assert.equal((await sandbox.stored()).length, count);
});

test("a second run at the same time ends with exit code 11, naming the first", async () => {
  const first = sandbox.start(["backup"], { LIFEBOAT_FAILPOINT: "backup:held:hang" });
  try {
    await until("the first run has the lock", async () => {
      const owner = JSON.parse(await readFile(join(sandbox.state, "lock.json"), "utf8")) as { pid: number };
      return owner.pid === first.pid;
    });
    const second = await sandbox.lifeboat(["verify"]);
    assert.equal(second.exitCode, 11, second.stderr);
    assert.match(second.stderr, /locked by 'backup'/);
  } finally {
    first.kill("SIGTERM");
    const { exitCode } = await first;
    assert.equal(exitCode, 143);
  }
});

test("SIGTERM in the middle of a run leaves no partial file and no spool", async () => {
  const before = await sandbox.stored();
  const run = sandbox.start(["backup"], { LIFEBOAT_FAILPOINT: "ship:index:hang", LOG_LEVEL: "debug" });
  await until("archive and index are there", async () => (await sandbox.stored()).length === before.length + 2);
  run.kill("SIGTERM");
  assert.equal((await run).exitCode, 143);
  assert.deepEqual(await sandbox.stored(), before);
  assert.deepEqual(await readdir(join(sandbox.state, "spool")), []);
});

test("wrong settings are all told at once, each with its name, and nothing is done", async () => {
  const { exitCode, stderr } = await sandbox.lifeboat(["backup"], {
    BACKUP_CRON_EXPRESSION: "every night",
    BACKUP_COMPRESION: "zst",
    TZ: "Mars/Olympus",
    BACKUP_RETENTION_DAYS: "-1",
    GPG_PASPHRASE: "a near miss",
  });
  assert.equal(exitCode, 2);
  assert.match(stderr, /warning: GPG_PASPHRASE .*GPG_PASSPHRASE/);
  for (const name of ["BACKUP_CRON_EXPRESSION", "BACKUP_COMPRESSION", "TZ", "BACKUP_RETENTION_DAYS"]) {
    assert.match(stderr, new RegExp(name));
  }
});

test("a command that does not exist is a usage error with a suggestion", async () => {
  const { exitCode, stderr } = await sandbox.lifeboat(["bakup"]);
  assert.equal(exitCode, 2);
  assert.match(stderr, /backup/);
});

test("files whose owners cannot be restored here are not restored at all, and the hint names the capabilities", async () => {
  await chown(join(sandbox.data, "app", "private_key.pem"), 1000, 999);
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 0);
  const to = join(sandbox.folder, "without-chown");
  const args = ["--bounding-set=-chown", "--inh-caps=-chown", process.execPath, main, "restore", "latest", "--to", to];
  const { exitCode, stderr } = await execa("setpriv", args, { env: sandbox.env, extendEnv: false, reject: false });
  assert.equal(exitCode, 1, stderr);
  const why =
    /cannot be given to their owners: 'app\/private_key\.pem' is 1000:999.*add CHOWN, DAC_OVERRIDE and FOWNER/s;
  assert.match(stderr, why);
  assert.match(stderr, /Nothing was fetched/);
  await assert.rejects(stat(to), /ENOENT/);
});

test("a folder that fills up while files are restored is left as it was", async () => {
  const to = join(sandbox.folder, "full");
  await mkdir(to);
  await execa("mount", ["-t", "tmpfs", "-o", "size=16m,nr_inodes=6", "tmpfs", to]);
  try {
    const { exitCode, stderr } = await sandbox.lifeboat(["restore", "latest", "--to", to]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /no space left in|not enough space in/);
    assert.deepEqual(await readdir(to), []);
  } finally {
    await execa("umount", [to]);
  }
});

test("after all of that the first backup still restores", async () => {
  const to = join(sandbox.folder, "at-last");
  const { backups } = JSON.parse((await sandbox.lifeboat(["list", "--json"])).stdout) as { backups: { id: string }[] };
  const restored = await sandbox.lifeboat(["restore", backups[0]?.id ?? "", "--to", to]);
  assert.equal(restored.exitCode, 0, restored.stderr);
  assert.deepEqual(await contentsOf(to), await contentsOf(sandbox.data));
  await writeFile(join(sandbox.data, "app", "later"), "changed after that");
});
