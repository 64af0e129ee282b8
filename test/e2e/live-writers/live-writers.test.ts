import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { checkout } from "../stack.ts";
import { removalLabel } from "../../servers/checkout.ts";
import { docker } from "../../servers/programs.ts";
import { until } from "../../until.ts";

const BACKUPS = 20;

/**
 * One container hammers a WAL database, another a rollback-journal one, with transfers that keep a sum; the sidecar has
 * their volume read-only. It backs up again and again through the whole time.
 */
test("twenty backups in a row of databases that others write to all the while are intact and whole", async (t) => {
  const name = `lb-live-${randomBytes(4).toString("hex")}`;
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  t.after(async () => {
    await docker("rm", "--force", "--volumes", `${name}-wal`, `${name}-delete`, `${name}-sidecar`);
    await docker("volume", "rm", `${name}-data`, `${name}-state`);
    await rm(folder, { recursive: true, force: true });
  });
  for (const each of ["archive", "restored"]) await mkdir(join(folder, each));
  await writeFile(join(folder, "passphrase"), randomBytes(24).toString("base64"), { mode: 0o600 });
  for (const mode of ["wal", "delete"]) await startWriter(`${name}-${mode}`, `${name}-data`, mode);
  await startSidecar(name, folder);

  for (let made = 1; made <= BACKUPS; made++) await docker("exec", `${name}-sidecar`, "lifeboat", "backup");
  for (const mode of ["wal", "delete"]) {
    assert.equal(await docker("inspect", "--format", "{{.State.Running}}", `${name}-${mode}`), "true");
  }

  const listed = await docker("exec", `${name}-sidecar`, "lifeboat", "list", "--json");
  const { backups } = JSON.parse(listed) as { backups: { id: string; outcome: string }[] };
  assert.equal(backups.length, BACKUPS);
  const marks: string[] = [];
  for (const { id, outcome } of backups) {
    assert.equal(outcome, "good");
    await docker("exec", `${name}-sidecar`, "lifeboat", "restore", id, "--to", `/restored/${id}`);
    marks.push(...["wal", "delete"].map((mode) => checked(join(folder, "restored", id, `${mode}.db`))));
  }
  assert.equal(new Set(marks).size, marks.length, "some backups hold the same moment: the writers stood still");
});

async function startWriter(container: string, volume: string, mode: string): Promise<void> {
  await docker(
    ...["run", "--detach", "--init", "--label", removalLabel, "--name", container, "--network", "none"],
    ...["--volume", `${volume}:/data`, "--volume", `${checkout}:/checkout:ro`],
    ...["node:26-trixie-slim", "node", "/checkout/test/sources/sqlite-writer.ts", `/data/${mode}.db`, "hammer", mode],
  );
  await until("the writer is at work", async () => (await docker("logs", container)).includes("ready"));
}

async function startSidecar(name: string, folder: string): Promise<void> {
  const settings = {
    BACKUP_NAME: "live",
    BACKUP_CRON_EXPRESSION: "0 0 1 1 *",
    GPG_PASSPHRASE_FILE: "/run/passphrase",
    LOG_LEVEL: "warn",
  };
  await docker(
    ...["run", "--detach", "--label", removalLabel, "--name", `${name}-sidecar`, "--network", "none"],
    ...["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--cap-add", "DAC_READ_SEARCH"],
    ...["--volume", `${name}-data:/backup:ro`, "--volume", `${name}-state:/var/lib/lifeboat`],
    ...["--volume", `${folder}/archive:/archive`, "--volume", `${folder}/restored:/restored`],
    ...["--volume", `${folder}/passphrase:/run/passphrase:ro`],
    ...Object.entries(settings).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
    "lifeboat:dev",
  );
}

/** Gives something of the database that every transfer changes. */
function checked(path: string): string {
  const database = new Database(path);
  try {
    assert.equal(database.pragma("integrity_check", { simple: true }), "ok");
    const sum = (table: string) => Number(database.prepare(`SELECT sum(balance) FROM ${table}`).pluck().get());
    assert.equal(sum("checking") + sum("savings"), 2 * 2000 * 500, "a transfer was torn");
    return `${path.split("/").at(-1)} ${sum("checking")}`;
  } finally {
    database.close();
  }
}
