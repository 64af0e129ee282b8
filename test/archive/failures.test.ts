import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { randomBytes } from "node:crypto";
import { extract } from "../../src/archive/extract.ts";
import { seal, type SealRequest } from "../../src/archive/seal.ts";
import { listAll, live, none, passphraseKey, passphraseKeys, sealTree, temporaryFolder, zst } from "./rig.ts";

/** A tree large enough that every program is still at work when the first progress is told. */
async function largeRequest(
  t: TestContext,
  change: Partial<SealRequest> = {},
): Promise<SealRequest & { sealed: string }> {
  const folder = temporaryFolder(t);
  const [root, sealed] = [join(folder, "root"), join(folder, "sealed")];
  await mkdir(root);
  await mkdir(sealed);
  for (let at = 0; at < 8; at++) await writeFile(join(root, `f${at}`), randomBytes(4 * 1024 * 1024));
  return {
    ...{ id: "0a1b2c3d", lists: [listAll(root, join(folder, "list"))], compression: zst, key: passphraseKey, sealed },
    ...{ archivePath: join(sealed, "a.tar.zst.gpg"), indexPath: join(sealed, "a.index.zst.gpg") },
    ...change,
  };
}

/** The ids of our own children that run this program. */
function children(program: string): number[] {
  const found = execFileSync("ps", ["--ppid", String(process.pid), "-o", "pid=,comm="]).toString();
  const matching = found.split("\n").filter((line) => line.trim().endsWith(` ${program}`));
  return matching.map((line) => Number.parseInt(line, 10));
}

for (const [program, which] of [
  ["tar", 0],
  ["zstd", 0],
  ["zstd", 1],
] as const) {
  test(`when '${program}' (${which}) is killed while it works, sealing fails and leaves no file`, async (t) => {
    let killed = false;
    const request = await largeRequest(t, {
      onProgress: () => {
        const pid = children(program)[which];
        if (killed || pid === undefined) return;
        killed = true;
        process.kill(pid, "SIGKILL");
      },
    });
    await assert.rejects(seal(request, live), (error: Error) => {
      const told = `${error.message} ${String(error.cause)}`;
      assert.match(told, new RegExp(`'${program}' was killed by SIGKILL`));
      return true;
    });
    assert.equal(killed, true);
    assert.deepEqual(await readdir(request.sealed), []);
    assert.deepEqual([...children("tar"), ...children("zstd")], []);
  });
}

test("when sealing is aborted, it rejects with the reason and leaves no file and no program", async (t) => {
  const stop = new AbortController();
  const reason = new Error("the container is stopping");
  const request = await largeRequest(t, { onProgress: () => stop.abort(reason) });
  await assert.rejects(seal(request, stop.signal), reason);
  assert.deepEqual(await readdir(request.sealed), []);
  assert.deepEqual([...children("tar"), ...children("zstd")], []);
});

for (const [first, second] of [
  ["a.tar.zst.gpg", "a.index.zst.gpg"],
  ["a.index.zst.gpg", "a.tar.zst.gpg"],
] as const) {
  test(`an existing '${first}' is left alone, and '${second}' is not left behind`, async (t) => {
    const request = await largeRequest(t);
    await writeFile(join(request.sealed, first), "precious");
    await assert.rejects(seal(request, live), { code: "EEXIST" });
    assert.deepEqual(await readdir(request.sealed), [first]);
    assert.equal(await readFile(join(request.sealed, first), "utf8"), "precious");
  });
}

test("a full disk fails the seal and leaves nothing", async (t) => {
  const request = await largeRequest(t, { archivePath: "/dev/full" });
  await assert.rejects(seal(request, live));
  assert.deepEqual(await readdir(request.sealed), []);
});

test("files that vanished or may not be read are told, and the rest is kept", async (t) => {
  const folder = temporaryFolder(t);
  const root = join(folder, "root");
  await mkdir(root);
  await writeFile(join(root, "kept"), "kept");
  const odd = Buffer.from("./gone\n\\ \xff: Cannot open", "latin1");
  await writeFile(join(folder, "list"), Buffer.concat([Buffer.from("./kept\0./gone\0"), odd, Buffer.from("\0")]));
  const lists = [{ root, listFile: join(folder, "list"), inPlace: true }];
  const { sealed } = await sealTree(root, folder, { lists });
  assert.equal(sealed.counts.files, 1);
  assert.equal(sealed.readProblems.count, 2);
  assert.deepEqual(sealed.readProblems.first, [
    { path: Buffer.from("./gone"), problem: "vanished" },
    { path: odd, problem: "vanished" },
  ]);
});

test("of very many read problems all are counted and the first hundred kept", async (t) => {
  const folder = temporaryFolder(t);
  const names = Array.from({ length: 5000 }, (_, at) => `./missing-${at}\0`);
  await writeFile(join(folder, "list"), `.\0${names.join("")}`);
  const lists = [{ root: folder, listFile: join(folder, "list"), inPlace: true }];
  const { sealed } = await sealTree(folder, folder, { lists, compression: none, key: { kind: "none" } });
  assert.equal(sealed.readProblems.count, 5000);
  assert.equal(sealed.readProblems.first.length, 100);
  assert.equal(sealed.counts.folders, 1);
});

for (const [problem, change] of [
  ["shrank", (path: string) => truncate(path, 100)],
  ["changed", (path: string) => writeFile(path, "more", { flag: "a" })],
] as const) {
  test(`a file that ${problem} while it was read is told`, async (t) => {
    const folder = temporaryFolder(t);
    const root = join(folder, "root");
    await mkdir(root);
    const path = join(root, "busy");
    await writeFile(path, randomBytes(64 * 1024 * 1024));
    let changing: Promise<void> | undefined;
    const sealed = await seal(
      {
        ...{ id: "0a1b2c3d", lists: [listAll(root, join(folder, "list"))], compression: none, key: { kind: "none" } },
        ...{ archivePath: join(folder, "a.tar"), indexPath: join(folder, "a.index") },
        onProgress: () => {
          changing ??= change(path);
        },
      },
      live,
    );
    await changing;
    assert.equal(sealed.readProblems.count, 1);
    assert.deepEqual(sealed.readProblems.first[0], { path: Buffer.from("./busy"), problem });
  });
}

test("a folder that is not there fails the seal", async (t) => {
  const folder = temporaryFolder(t);
  await writeFile(join(folder, "list"), ".\0");
  const lists = [{ root: join(folder, "missing"), listFile: join(folder, "list"), inPlace: true }];
  await assert.rejects(sealTree(folder, folder, { lists }), { message: "cannot read the files" });
});

test("a FIFO on a list is left out and told", async (t) => {
  const folder = temporaryFolder(t);
  execFileSync("mkfifo", [join(folder, "fifo")]);
  await writeFile(join(folder, "file"), "");
  await writeFile(join(folder, "list"), "./fifo\0./file\0");
  const lists = [{ root: folder, listFile: join(folder, "list"), inPlace: true }];
  const { sealed } = await sealTree(folder, folder, { lists });
  assert.deepEqual(sealed.counts, { files: 1, folders: 0, symlinks: 0, hardlinks: 0 });
  assert.deepEqual(sealed.readProblems.first, [{ path: Buffer.from("./fifo"), problem: "vanished" }]);
});

test("when 'tar' is killed while it extracts, extracting fails", async (t) => {
  const { sealed, ...request } = await largeRequest(t);
  await seal(request, live);
  const into = join(sealed, "into");
  await mkdir(into);
  const kill = () => children("tar").forEach((pid) => process.kill(pid, "SIGKILL"));
  const backup = { ...request, keys: passphraseKeys, into, onProgress: kill };
  await assert.rejects(extract(backup, live), (error: Error) => {
    assert.match(`${error.message} ${String(error.cause)}`, /'tar' was killed by SIGKILL/);
    return true;
  });
});

test("a hole of terabytes can be aborted while it is read", async (t) => {
  const folder = temporaryFolder(t);
  const root = join(folder, "root");
  await mkdir(root);
  execFileSync("truncate", ["-s", "10T", join(root, "hole")]);
  const stop = new AbortController();
  const reason = new Error("enough");
  const sealing = seal(
    {
      ...{ id: "0a1b2c3d", lists: [listAll(root, join(folder, "list"))], compression: none, key: { kind: "none" } },
      ...{ archivePath: join(folder, "a.tar"), indexPath: join(folder, "a.index") },
    },
    stop.signal,
  );
  setTimeout(() => stop.abort(reason), 300);
  await assert.rejects(sealing, reason);
  assert.deepEqual((await readdir(folder)).sort(), ["list", "root"]);
});
