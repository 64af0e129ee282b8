import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { attacks, entry, file, filesOf, link, symlink as symlinkMember, type Attack } from "../../archive/attacks.ts";
import { header, padded, paxHeader } from "../../archive/hand-made.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";
import { forgeBackup, inClear } from "./forged.ts";
import { pictureOf } from "./mounted-sandbox.ts";

const RESTORE = ["restore", "latest", "--in-place", "--yes", "--json"];

/** Live data, and a backup of the attacker's beside which nothing else is wrong. */
async function attacked(
  t: TestContext,
  attack: Pick<Attack, "archive" | "index">,
  contentBytes = 100,
): Promise<Sandbox> {
  const sandbox = await makeSandbox();
  t.after(() => sandbox[Symbol.asyncDispose]());
  await mkdir(join(sandbox.data, "app"));
  await writeFile(join(sandbox.data, "app", "f"), "live");
  await writeFile(join(sandbox.data, "outside"), "live");
  await forgeBackup(sandbox, { ...filesOf(attack), contentBytes });
  return sandbox;
}

interface Report {
  readonly steps: readonly { readonly name: string }[];
  readonly failure?: unknown;
}

/** Ends with that exit code before anything is held, and leaves everything as it was. */
async function isRefused(
  sandbox: Sandbox,
  exitCode: number,
  words: RegExp,
  more: readonly string[] = [],
): Promise<void> {
  const picture = async () => [await pictureOf(sandbox.data), (await readdir(sandbox.folder)).sort()];
  const before = await picture();
  const ended = await sandbox.lifeboat([...RESTORE, ...more], inClear);
  assert.equal(ended.exitCode, exitCode, ended.stdout + ended.stderr);
  assert.match(ended.stdout, words);
  const { steps } = JSON.parse(ended.stdout) as Report;
  assert(!steps.some(({ name }) => ["hold", "swap"].includes(name)), ended.stdout);
  assert.deepEqual(await picture(), before);
  assert.deepEqual(
    (await readdir(sandbox.state)).filter((name) => name.includes("in-place")),
    [],
  );
  assert.equal(existsSync("/tmp/escaped"), false);
}

describe("a hostile backup with a true receipt is refused before anything is held:", { concurrency: 2 }, () => {
  for (const [what, attack] of Object.entries(attacks)) {
    test(what, async (t) => {
      const sandbox = await attacked(t, attack);
      await isRefused(sandbox, 13, attack.refused);
    });
  }
});

test("of a backup with something hostile in it, not even a harmless part is restored", async (t) => {
  const sandbox = await attacked(t, {
    archive: [file("backup/harmless"), header({ name: "backup/null", type: "3" })],
    index: [entry("backup/harmless"), entry("backup/null", { sizeBytes: 0 })],
  });
  await isRefused(sandbox, 13, /is of a type that no backup holds/, ["--only", "harmless"]);
});

test("a petabyte of holes is refused at once, though its size is in the receipt as well", async (t) => {
  const size = 2 ** 50;
  const records = {
    ...{ "GNU.sparse.major": "1", "GNU.sparse.minor": "0" },
    ...{ "GNU.sparse.name": "backup/f", "GNU.sparse.realsize": String(size) },
  };
  const sandbox = await attacked(
    t,
    {
      archive: [paxHeader(records), header({ name: "x", size: 512 }), padded(Buffer.from("0\n"))],
      index: [entry("backup/f", { sizeBytes: size })],
    },
    size,
  );
  await isRefused(sandbox, 13, /'backup\/f' is a file of more than 16 TiB, which no backup holds/);
});

test("paths longer than the system takes are refused", async (t) => {
  const name = "n".repeat(200);
  const deep = (depth: number) => `backup/${Array(depth).fill(name).join("/")}`;
  const folders = [...Array(30).keys()].map((depth) => deep(depth + 1));
  const sandbox = await attacked(t, {
    archive: folders.map((path) =>
      Buffer.concat([paxHeader({ path: `${path}/` }), header({ name: "x/", type: "5", mode: 0o755 })]),
    ),
    index: folders.map((path) => entry(path, { type: "folder", mode: 0o755 })),
  });
  await isRefused(sandbox, 13, /has a path that no system call takes/);
});

test("symlinks of a backup are put in place as they are, and nothing is read or written through them", async (t) => {
  const sandbox = await attacked(t, {
    archive: [symlinkMember("backup/app", "../elsewhere"), symlinkMember("backup/other", "../elsewhere")],
    index: [link("backup/app", "symlink", "../elsewhere"), link("backup/other", "symlink", "../elsewhere")],
  });
  const elsewhere = join(sandbox.folder, "elsewhere");
  await mkdir(elsewhere);
  await writeFile(join(elsewhere, "secret"), "not ours");
  await symlink(elsewhere, join(sandbox.data, "other"));
  const ended = await sandbox.lifeboat(RESTORE, inClear);
  assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  assert.deepEqual((await readdir(sandbox.data)).sort(), ["app", "other"]);
  assert.deepEqual(await readdir(elsewhere), ["secret"]);
  assert.equal(await readFile(join(elsewhere, "secret"), "utf8"), "not ours");
});

test("names of the restore's own folders in a backup are not put in place", async (t) => {
  const own = "backup/.lifeboat-0a1b2c3d";
  const sandbox = await attacked(t, {
    archive: [header({ name: `${own}/`, type: "5", mode: 0o755 }), file(`${own}/old`), file("backup/f")],
    index: [entry(own, { type: "folder", mode: 0o755 }), entry(`${own}/old`), entry("backup/f")],
  });
  const ended = await sandbox.lifeboat(RESTORE, inClear);
  assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  assert.deepEqual(await readdir(sandbox.data), ["f"]);
});

test("thirty thousand entries are restored in place in bounded memory", async (t) => {
  const COUNT = 30_000;
  const names = [...Array(COUNT).keys()].map((at) => `backup/many/${String(at % 100).padStart(2, "0")}/${at}`);
  const folders = ["backup/many", ...[...Array(100).keys()].map((at) => `backup/many/${String(at).padStart(2, "0")}`)];
  const empty = { sizeBytes: 0, sha256: EMPTY };
  const paths = [...folders, ...names].sort();
  const isFolder = new Set(folders);
  const sandbox = await attacked(t, {
    archive: paths.map((name) =>
      isFolder.has(name) ? header({ name: `${name}/`, type: "5", mode: 0o755 }) : header({ name }),
    ),
    index: paths.map((path) =>
      isFolder.has(path) ? entry(path, { type: "folder", mode: 0o755 }) : entry(path, empty),
    ),
  });
  const ended = await sandbox.lifeboat(RESTORE, { ...inClear, NODE_OPTIONS: "--max-old-space-size=160" });
  assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  assert.equal((await readdir(join(sandbox.data, "many", "42"))).length, COUNT / 100);
});

const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
