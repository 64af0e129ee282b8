import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { mountSmallDisk } from "../../targets/small-disk.ts";
import { fillWithData, makeSandbox, type Sandbox } from "../sandbox.ts";

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await makeSandbox();
  await fillWithData(sandbox.data);
});
afterEach(() => sandbox[Symbol.asyncDispose]());

async function backUp(env: Record<string, string> = {}): Promise<void> {
  const { exitCode, stderr } = await sandbox.lifeboat(["backup"], env);
  assert.equal(exitCode, 0, stderr);
}

async function receipts(): Promise<string[]> {
  const names = (await sandbox.stored()).filter((name) => name.endsWith(".receipt.json"));
  return names.map((name) => join(sandbox.archive, name));
}

/** Turns the first digit of the value that follows `word`. */
async function turn(path: string, word: string): Promise<void> {
  const bytes = await readFile(path);
  const at = bytes.indexOf(`"${word}":"`) + word.length + 4;
  bytes[at] = bytes[at] === 0x30 ? 0x31 : 0x30;
  await writeFile(path, bytes);
}

interface Result {
  readonly id: string;
  readonly result: string;
  readonly problem?: string;
}

async function verify(args: readonly string[], env?: Record<string, string>) {
  const { exitCode, stdout } = await sandbox.lifeboat(["verify", ...args, "--json"], env);
  const { verified, failure } = JSON.parse(stdout) as { verified: Result[]; failure?: { message: string } };
  return { exitCode, verified, results: verified.map(({ result }) => result), message: failure?.message ?? "" };
}

test("a flipped bit in the salt of one receipt is damage of that one, and the others are verified", async () => {
  await backUp();
  await backUp();
  const [oldest = ""] = await receipts();
  await turn(oldest, "salt");
  const { exitCode, results, message } = await verify(["all"]);
  assert.equal(exitCode, 13);
  assert.deepEqual(results.toSorted(), ["broken", "complete"]);
  assert.match(message, /1 of 2 copies failed: .*changed after it was written: its salt or check value is another/);
  assert.equal((await sandbox.lifeboat(["verify", "latest"])).exitCode, 0);
  const listed = await sandbox.lifeboat(["list"]);
  assert.equal(listed.exitCode, 3);
  assert.match(listed.stdout, /its salt or check value is another/);
});

test("the only receipt there is is told as damaged as well, by the one in the state folder", async () => {
  await backUp();
  const [only = ""] = await receipts();
  await turn(only, "check");
  assert.deepEqual((await verify([])).results, ["broken"]);
  const stateless = { BACKUP_STATE: join(sandbox.folder, "fresh") };
  const { exitCode, message } = await verify([], stateless);
  assert.equal(exitCode, 12);
  assert.match(message, /was made with another passphrase/);
});

test("one that was made with another passphrase is locked, the others are verified, and nothing is called broken", async () => {
  await backUp({ GPG_PASSPHRASE_FILE: "", GPG_PASSPHRASE: "what it was before that" });
  assert.equal((await sandbox.lifeboat(["backup"])).exitCode, 3);
  const { exitCode, results, message } = await verify(["all"]);
  assert.equal(exitCode, 12);
  assert.deepEqual(results.toSorted(), ["complete", "locked"]);
  assert.match(message, /1 of 2 copies do not open: .*was made with another one, or by somebody else, or .*damaged/);
  assert.equal((await verify(["latest"])).exitCode, 0);
});

test("no room in the state folder is trouble here, not of the backup: 1, with the folder and the room", async () => {
  await backUp();
  await using disk = await mountSmallDisk(sandbox.folder, "8m");
  const small = { BACKUP_STATE: disk.folder };
  const read = await verify(["latest", "--read"], small);
  assert.equal(read.exitCode, 1, read.message);
  assert.deepEqual(read.results, ["unknown"]);
  assert.match(read.message, /not enough space in '.*disk-.*' to fetch the backup: \d+ MiB needed, \d MiB free/);
  await writeFile(join(disk.folder, "filler"), Buffer.alloc(9 * 1024 * 1024)).catch(() => undefined); // Until it is full.
  const full = await verify(["latest"], small);
  assert.equal(full.exitCode, 1, full.message);
  assert.match(full.message, /(not enough|no) space (left )?in '.*disk-.*0 MiB free/);
  const ls = await sandbox.lifeboat(["ls", "latest"], small);
  assert.equal(ls.exitCode, 1, ls.stderr);
  assert.match(ls.stderr, /(not enough|no) space (left )?in '.*disk-.*, . MiB free/);
});

test("an index that is remembered is fetched, compared and opened all the same", async () => {
  await backUp();
  await backUp();
  assert.deepEqual((await verify(["all"])).results, ["complete", "complete"]);
  const [index = ""] = (await sandbox.stored()).filter((name) => name.includes(".index."));
  const path = join(sandbox.archive, index);
  const bytes = await readFile(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(path, bytes);
  const { exitCode, results, verified } = await verify(["all"]);
  assert.equal(exitCode, 13);
  assert.deepEqual(results, ["broken", "complete"]);
  assert.match(verified[0]?.problem ?? "", /is damaged: its SHA-256 is/);
});

test("what has the name of a newer backup and is none does not keep latest from being verified", async () => {
  await backUp();
  const [receipt = ""] = await receipts();
  const later = receipt.replace(/\d{8}T/, "20271231T");
  for (const ending of [".receipt.json", ".tar.zst.gpg", ".index.zst.gpg"]) {
    const from = receipt.replace(".receipt.json", ending);
    await writeFile(later.replace(".receipt.json", ending), await readFile(from));
  }
  const { exitCode, results, verified } = await verify(["latest"]);
  assert.equal(exitCode, 13);
  assert.deepEqual(results, ["complete", "broken"]);
  assert.match(verified[1]?.problem ?? "", /receipt 'stack-20271231T.*' is that of 'stack-/);
  const restored = await sandbox.lifeboat(["restore", "latest", "--to", join(sandbox.folder, "never")]);
  assert.equal(restored.exitCode, 13);
  for (const ending of [".receipt.json", ".tar.zst.gpg", ".index.zst.gpg"]) {
    await rm(later.replace(".receipt.json", ending));
  }
  assert.equal((await verify(["latest"])).exitCode, 0);
});
