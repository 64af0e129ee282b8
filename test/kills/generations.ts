import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";

const FILES = 40;

/** Data of which every part tells its generation: files, one of them large, and a database. */
export async function putGeneration(data: string, generation: number): Promise<void> {
  await mkdir(join(data, "files"), { recursive: true });
  for (let at = 0; at < FILES; at++) await writeFile(join(data, "files", `${at}`), `${generation}\n`);
  await writeFile(join(data, "large"), Buffer.concat([Buffer.from(`${generation}\n`), randomBytes(4_000_000)]));
  const database = new Database(join(data, "app.db"));
  try {
    database.pragma("journal_mode = WAL");
    database.exec("CREATE TABLE IF NOT EXISTS generations (at INTEGER PRIMARY KEY)");
    database.prepare("INSERT OR IGNORE INTO generations VALUES (?)").run(generation);
  } finally {
    database.close();
  }
}

/** Fails if the parts are of more than one generation, or any is not there. */
export async function generationOf(data: string): Promise<number> {
  const texts = [await readFile(join(data, "large"))];
  for (const name of await readdir(join(data, "files"))) texts.push(await readFile(join(data, "files", name)));
  assert.equal(texts.length, FILES + 1);
  const database = new Database(join(data, "app.db"));
  try {
    assert.equal(database.pragma("integrity_check", { simple: true }), "ok");
    const inDatabase = Number(database.prepare("SELECT max(at) FROM generations").pluck().get());
    const found = new Set([inDatabase, ...texts.map((text) => parseInt(text.subarray(0, 20).toString("latin1"), 10))]);
    assert.equal(found.size, 1, `parts of the generations ${[...found].join(", ")}`);
    return inDatabase;
  } finally {
    database.close();
  }
}
