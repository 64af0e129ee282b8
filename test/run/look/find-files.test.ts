import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { link, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

interface Line {
  readonly id: string;
  readonly content: "new" | "same" | "changed";
  readonly path?: string;
  readonly pathBase64?: string;
  readonly sha256?: string;
  readonly type: string;
}

let sandbox: Sandbox;
const ids: string[] = [];

/** Three backups: the second has the key changed and a file more, the third only its time. */
before(async () => {
  sandbox = await makeSandbox();
  const file = (name: string) => join(sandbox.data, "app", name);
  await mkdir(join(sandbox.data, "app", ".hidden"), { recursive: true });
  await writeFile(file("private_key.pem"), "first\n");
  await writeFile(file("gone.conf"), "soon gone\n");
  await writeFile(file(".hidden/deep.conf"), "deep\n");
  await writeFile(Buffer.concat([Buffer.from(`${sandbox.data}/app/odd`), Buffer.from([0xff, 0x0a])]), "odd\n");
  await writeFile(file("b-original"), "linked\n");
  await link(file("b-original"), file("c-other-name"));
  await backUp();
  await writeFile(file("private_key.pem"), "second\n");
  await rm(file("gone.conf"));
  await writeFile(file("new.conf"), "new\n");
  await backUp();
  await utimes(file("private_key.pem"), 1_700_000_000, 1_700_000_000);
  await backUp();
  assert.equal(new Set(ids).size, 3);
});
after(() => sandbox[Symbol.asyncDispose]());

async function backUp(): Promise<void> {
  const { exitCode, stdout, stderr } = await sandbox.lifeboat(["backup", "--json"]);
  assert.equal(exitCode, 0, stderr);
  ids.push((JSON.parse(stdout) as { backupId: string }).backupId);
}

async function find(glob: string): Promise<Line[]> {
  const { exitCode, stdout, stderr } = await sandbox.lifeboat(["find", glob, "--json"]);
  assert.equal(exitCode, 0, stderr);
  return stdout.split("\n").map((line) => JSON.parse(line) as Line);
}

const brief = (lines: readonly Line[]) => lines.map(({ id, content, path }) => [ids.indexOf(id), content, path]);

test("find shows the versions of a file, newest first, and where its content changed", async () => {
  assert.deepEqual(brief(await find("private_key.pem")), [
    [2, "same", "backup/app/private_key.pem"],
    [1, "changed", "backup/app/private_key.pem"],
    [0, "new", "backup/app/private_key.pem"],
  ]);
});

test("find shows which backups have a file that was removed or added in between", async () => {
  assert.deepEqual(brief(await find("app/*.conf")), [
    [2, "same", "backup/app/new.conf"],
    [1, "new", "backup/app/new.conf"],
    [0, "new", "backup/app/gone.conf"],
  ]);
});

test("a glob without a slash matches at any depth and hidden names too, one with a slash only its path", async () => {
  const newest = (await find("*.conf")).filter(({ id }) => id === ids[2]);
  assert.deepEqual(
    newest.map(({ path }) => path),
    ["backup/app/.hidden/deep.conf", "backup/app/new.conf"],
  );
  assert.equal((await find("**/deep.*")).length, 3);
  assert.equal((await sandbox.lifeboat(["find", ".hidden/deep.conf"])).exitCode, 10);
});

test("a further name of a file has the file's size and content", async () => {
  const [link] = await find("c-other-name");
  const [original] = await find("b-original");
  assert.equal(link?.content, "same");
  assert.equal(link?.sha256, original?.sha256);
  assert.match(link?.sha256 ?? "", /^[0-9a-f]{64}$/);
});

test("names that are not text are found, and stand on one line each for people", async () => {
  const [odd] = await find("odd*");
  assert.deepEqual(Buffer.from(odd?.pathBase64 ?? "", "base64"), Buffer.from("backup/app/odd\xff\n", "latin1"));
  const { stdout } = await sandbox.lifeboat(["find", "odd*"]);
  assert.match(stdout, /^ID +TAKEN \(UTC\) +CONTENT +IN BACKUPS +SIZE +MODIFIED +PATH\n/);
  assert.equal(stdout.split("\n").length, 2);
  assert.match(stdout, new RegExp(`^${ids[2]} .* new +3 since 20[0-9-]{8} +4 B .* app/odd\\\\xff\\\\x0a$`, "m"));
});

test("people see one line for all backups in a row that have the same, named by the newest of them", async () => {
  const lines = async (glob: string) => {
    const { stdout } = await sandbox.lifeboat(["find", glob]);
    return stdout.split("\n").slice(1);
  };
  const [newest = "", oldest = "", ...more] = await lines("private_key.pem");
  assert.match(
    newest,
    new RegExp(`^${ids[2]} .* changed +2 since .* 7 B +2023-11-14 22:13:20 UTC +app/private_key.pem$`),
  );
  assert.match(oldest, new RegExp(`^${ids[0]} .* new +1 +6 B .* app/private_key.pem$`));
  assert.deepEqual(more, []);
  assert.equal((await lines("c-other-name")).length, 1);
});

test("an index is remembered from its backup on, readable by nobody without the passphrase", async () => {
  const indexes = (await sandbox.stored()).filter((name) => name.includes(".index."));
  const wholes = await Promise.all(indexes.map((name) => readFile(join(sandbox.archive, name))));
  for (const [at, name] of indexes.entries())
    await writeFile(join(sandbox.archive, name), Buffer.alloc(wholes[at]!.length));
  try {
    assert.equal((await find("private_key.pem")).length, 3);
    const other = { BACKUP_STATE: join(sandbox.folder, "empty-state") };
    assert.equal((await sandbox.lifeboat(["find", "private_key.pem"], other)).exitCode, 10);
    const remembered = join(sandbox.state, "indexes");
    const names = await readdir(remembered);
    assert.equal(names.length, 3);
    for (const name of names) {
      const path = join(remembered, name);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      const bytes = await readFile(path);
      assert.ok(!bytes.includes("private_key"));
      assert.equal(bytes.indexOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd])), -1, "not as zstd either");
    }
    await writeFile(join(remembered, names[0] ?? ""), "cut off");
    const { exitCode, stderr } = await sandbox.lifeboat(["find", "private_key.pem"]);
    assert.equal(exitCode, 3, "the index of the target is needed again, and it is damaged");
    assert.match(stderr, /was left out: .* is damaged/);
  } finally {
    for (const [at, name] of indexes.entries()) await writeFile(join(sandbox.archive, name), wholes[at]!);
  }
  await find("private_key.pem");
});

test("what is remembered of backups that are gone is forgotten", async () => {
  const gone = join(sandbox.state, "indexes", "f".repeat(64));
  await writeFile(gone, "of a backup that was pruned");
  await find("private_key.pem");
  assert.equal(existsSync(gone), false);
});

test("find leaves nothing in the state folder", async () => {
  await find("*");
  assert.deepEqual(await readdir(join(sandbox.state, "reading")), []);
});

test("find without a match ends with exit code 10, with a pattern of nothing with 2", async () => {
  const { exitCode, stderr } = await sandbox.lifeboat(["find", "no-such-*"]);
  assert.equal(exitCode, 10);
  assert.match(stderr, /no backup has a file that matches 'no-such-\*'/);
  assert.equal((await sandbox.lifeboat(["find", "/"])).exitCode, 2);
});

test("a wrong passphrase ends find with exit code 12", async () => {
  const wrong = { GPG_PASSPHRASE_FILE: "", GPG_PASSPHRASE: "not the right passphrase" };
  assert.equal((await sandbox.lifeboat(["find", "*"], wrong)).exitCode, 12);
});

test("a backup that cannot be looked at is told, the others are shown, and the exit code is 3", async () => {
  const index = (await sandbox.stored()).filter((name) => name.includes(".index."))[1] ?? "";
  const path = join(sandbox.archive, index);
  const whole = await readFile(path);
  await writeFile(path, Buffer.concat([whole.subarray(0, -1), Buffer.from([(whole.at(-1) ?? 0) ^ 1])]));
  try {
    const { exitCode, stdout, stderr } = await sandbox.lifeboat(["find", "private_key.pem", "--json"], {
      BACKUP_STATE: join(sandbox.folder, "fresh-state"),
    });
    assert.equal(exitCode, 3);
    assert.match(stderr, new RegExp(`backup '${ids[1]}' was left out`));
    const lines = stdout.split("\n").map((line) => JSON.parse(line) as Line);
    assert.deepEqual(brief(lines), [
      [2, "changed", "backup/app/private_key.pem"],
      [0, "new", "backup/app/private_key.pem"],
    ]);
  } finally {
    await writeFile(path, whole);
  }
});
