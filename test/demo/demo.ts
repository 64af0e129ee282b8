/**
 * The product in a minute, without Docker: a Barycenter-like data folder with a live SQLite writer is backed up
 * encrypted, listed, verified to the last byte, restored to another folder and compared.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { execa } from "execa";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "lifeboat-demo-"));
const [data, archive, state, restored] = ["data", "archive", "state", "restored"].map((name) => join(folder, name));
assert(data && archive && state && restored);
const passphraseFile = join(folder, "passphrase");
const databasePath = join(data, "barycenter", "barycenter.db");

say(`A stack to save, in ${data}`);
await mkdir(join(data, "config"), { recursive: true });
await mkdir(archive);
await cp(here("../fixtures/barycenter"), join(data, "barycenter"), { recursive: true });
await writeFile(join(data, "config", "config.toml"), '[server]\npublic_base_url = "https://idp.example.com"\n');
await writeFile(passphraseFile, `${randomBytes(24).toString("base64")}\n`, { mode: 0o600 });
const writer = execa(process.execPath, [here("writer.ts"), databasePath], { stdout: "pipe", buffer: false });
await once(writer.stdout, "data");
tell("a Barycenter database in WAL mode, with a program writing to it the whole time, its key and its config file");

const env = {
  BACKUP_NAME: "demo",
  BACKUP_SOURCES: data,
  BACKUP_ARCHIVE: archive,
  BACKUP_STATE: state,
  GPG_PASSPHRASE_FILE: passphraseFile,
  BACKUP_DOCKER_PROJECT: "none",
  LOG_LEVEL: "warn",
};

await lifeboat("Back up, encrypted", "backup");
await lifeboat("What there is", "list");
await lifeboat("Read every byte back and open it", "verify", "latest", "--read");
await lifeboat("Restore to another folder", "restore", "latest", "--to", restored);
writer.kill();
await writer.catch(() => undefined); // Killed on purpose, which execa calls a failure.

say("Compare");
for (const path of ["barycenter/private_key.pem", "barycenter/jwks.json", "config/config.toml"]) {
  assert.deepEqual(await readFile(join(restored, path)), await readFile(join(data, path)), `${path} differs`);
}
tell("key, JWKS and config file are the same, byte for byte");
const [copy, live] = [join(restored, "barycenter", "barycenter.db"), databasePath].map(look);
assert(copy && live);
assert.equal(copy.integrity, "ok");
assert.equal(copy.left, copy.right, "a transaction was torn");
assert.equal(copy.clients, live.clients);
assert(copy.left > 0 && copy.left <= live.left);
tell(`the database is intact: ${copy.clients} clients, ${copy.left} whole transactions, none torn`);
tell(`(the live one went on to ${live.left} while it was saved)`);

say("Done. It all lies here, to look at:");
tell(`${archive}   the backup: archive, index and receipt`);
tell(`${restored}   what came back`);
tell(`${passphraseFile}   the passphrase; gpg, zstd and tar open the archive with it too`);

async function lifeboat(title: string, ...args: string[]): Promise<void> {
  say(`${title}:  lifeboat ${args.join(" ")}`);
  const { stdout } = await execa(process.execPath, [here("../../src/main.ts"), ...args], { env, stderr: "inherit" });
  for (const line of stdout.split("\n")) tell(line);
}

function look(path: string): { integrity: unknown; clients: number; left: number; right: number } {
  const database = new Database(path, { readonly: true });
  const count = (sql: string) => Number(database.prepare(sql).pluck().get());
  return {
    integrity: database.pragma("integrity_check", { simple: true }),
    clients: count("SELECT count(*) FROM clients"),
    left: count("SELECT count(*) FROM pairs WHERE side = 'left'"),
    right: count("SELECT count(*) FROM pairs WHERE side = 'right'"),
  };
}

function say(text: string): void {
  process.stdout.write(`\n${text}\n`);
}

function tell(text: string): void {
  process.stdout.write(`    ${text}\n`);
}
