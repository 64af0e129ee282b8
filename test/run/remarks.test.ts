import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startTokenStorage, type TokenStorage } from "../servers/token-storage.ts";
import { mountSmallDisk, type SmallDisk } from "../targets/small-disk.ts";
import { until } from "../until.ts";
import { makeSandbox, type Sandbox } from "./sandbox.ts";

let sandbox: Sandbox;
let storage: TokenStorage;
let disk: SmallDisk;
let env: Record<string, string>;
before(async () => {
  sandbox = await makeSandbox();
  storage = await startTokenStorage();
  disk = await mountSmallDisk(sandbox.folder, "1m");
  const config = join(disk.folder, "rclone.conf");
  await writeFile(config, storage.configuration);
  await disk.makeReadOnly();
  env = {
    BACKUP_ARCHIVE: "",
    RCLONE_DESTINATION: "cloud:backups",
    RCLONE_CONFIG: config,
    RCLONE_LOW_LEVEL_RETRIES: "0",
    BACKUP_RETENTION_DAYS: "7",
  };
});
after(async () => {
  await disk[Symbol.asyncDispose]();
  await storage[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});

const times = (text: string) => text.split("rclone cannot save its configuration").length - 1;

test("what a target has to say degrades a run that went well, and is in its log and report once each", async () => {
  const { exitCode, stdout, stderr } = await sandbox.lifeboat(["prune", "--json"], env);
  assert.equal(exitCode, 3, stderr);
  assert.equal(times(stdout), 1, stdout);
  assert.equal(times(stderr), 1, stderr);
});

test("a command that only looks has it in its log", async () => {
  const { exitCode, stderr } = await sandbox.lifeboat(["list"], env);
  assert.deepEqual([exitCode, times(stderr)], [0, 1]);
});

test("the daemon finds it at its start, and health tells it without being unhealthy", async () => {
  const daemon = sandbox.start([], env);
  try {
    const told = async () => {
      const health = await sandbox.lifeboat(["health"], env);
      return times(health.stdout) > 0 && health;
    };
    await until("health tells it", async () => Boolean(await told()));
    assert.equal((await sandbox.lifeboat(["health"], env)).exitCode, 0);
  } finally {
    daemon.kill("SIGTERM");
  }
  assert.equal(times(String((await daemon).stderr)), 1);
});
