import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test, type TestContext } from "node:test";
import { generateKey } from "openpgp";
import { verifyArchive } from "../../src/archive/extract.ts";
import type { Compression, OpeningKeys, SealingKey } from "../../src/archive/format.ts";
import { decryptFile, openSealed } from "../../src/archive/unseal.ts";
import { Secret } from "../../src/system/secret.ts";
import { live, none, passphraseKey, passphraseKeys, sealTree, smallTree, temporaryFolder, zst } from "./rig.ts";

/** Opened by a curve key: that is a hundred times as fast as a passphrase, and most of what is damaged is the same. */
const { privateKey, publicKey } = await generateKey({ userIDs: [{ name: "damage" }], type: "ecc", format: "armored" });
const curveKey: SealingKey = { kind: "public-keys", armored: [publicKey] };
const keys: OpeningKeys = { ...passphraseKeys, privateKeys: [new Secret(privateKey)] };

async function smallBackup(t: TestContext, compression: Compression, key: SealingKey) {
  const folder = temporaryFolder(t);
  await smallTree(join(folder, "root"));
  const { backup } = await sealTree(join(folder, "root"), folder, { compression, key, keys });
  await mkdir(join(folder, "damaged"));
  return { folder, backup };
}

/** Reads each of the damaged files as `read` does, which must fail; gives the kinds of failure. */
async function requireFound(
  path: string,
  damagedFiles: Iterable<readonly [what: string, bytes: Buffer]>,
  read: (path: string) => Promise<unknown>,
): Promise<Set<string>> {
  const kinds = new Set<string>();
  for (const [what, bytes] of damagedFiles) {
    await writeFile(path, bytes);
    const failure = await read(path).then(
      () => assert.fail(`${basename(path)} with ${what} was taken for good`),
      (error: unknown) => error as { kind?: string },
    );
    assert.ok(failure.kind === "verification-failed" || failure.kind === "wrong-key", `${what}: ${String(failure)}`);
    kinds.add(failure.kind);
  }
  return kinds;
}

async function readToTheEnd(path: string): Promise<void> {
  for await (const _ of await openSealed(path, keys, live));
}

function* flips(bytes: Buffer, count: number): Generator<[string, Buffer]> {
  for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / count)) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    yield [`byte ${at} flipped`, flipped];
  }
}

function* cuts(bytes: Buffer, count: number): Generator<[string, Buffer]> {
  for (let length = 0; length < bytes.length; length += Math.ceil(bytes.length / count)) {
    yield [`${length} bytes`, bytes.subarray(0, length)];
  }
}

for (const part of ["archivePath", "indexPath"] as const) {
  test(`a flipped bit or a cut anywhere in a sealed file is found (${part})`, async (t) => {
    const { folder, backup } = await smallBackup(t, zst, curveKey);
    const bytes = await readFile(backup[part]);
    const damaged = join(folder, "damaged", basename(backup[part]));
    const kinds = await requireFound(damaged, flips(bytes, 80), readToTheEnd);
    assert.ok(kinds.has("verification-failed"));
    await requireFound(damaged, cuts(bytes, 40), readToTheEnd);
  });
}

test("a flipped bit or a cut in a file sealed with a passphrase is found", async (t) => {
  const { folder, backup } = await smallBackup(t, zst, passphraseKey);
  const bytes = await readFile(backup.indexPath);
  const damaged = join(folder, "damaged", "sealed.index.zst.gpg");
  await requireFound(damaged, flips(bytes, 16), readToTheEnd);
  await requireFound(damaged, cuts(bytes, 8), readToTheEnd);
});

for (const kind of ["zst", "gz"] as const) {
  test(`a flipped bit or a cut in a file that is only compressed is found, or changes nothing (${kind})`, async (t) => {
    const { folder, backup } = await smallBackup(t, { kind, level: 3 }, { kind: "none" });
    const bytes = await readFile(backup.archivePath);
    const damaged = join(folder, "damaged", basename(backup.archivePath));
    const read = (archivePath: string) => verifyArchive({ ...backup, archivePath }, live);
    await requireFound(damaged, cuts(bytes, 20), read);
    // A run of zeros is the same however far back its copy was taken from: some flips change nothing that comes out.
    const plain = await plainBytes(backup.archivePath);
    for (const [what, flipped] of flips(bytes, 60)) {
      await writeFile(damaged, flipped);
      const passed = await read(damaged).then(
        () => true,
        (error: unknown) => assert.equal((error as { kind?: string }).kind, "verification-failed", what),
      );
      if (passed) assert.ok(plain.equals(await plainBytes(damaged)), what);
    }
  });
}

async function plainBytes(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await openSealed(path, keys, live)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("a flipped bit or a cut in a backup without encryption or compression is found", async (t) => {
  const { folder, backup } = await smallBackup(t, none, { kind: "none" });
  const archive = await readFile(backup.archivePath);
  const withoutPadding = archive.subarray(0, archive.findLastIndex((byte) => byte !== 0) + 600);
  const readArchive = (archivePath: string) => verifyArchive({ ...backup, archivePath }, live);
  await requireFound(join(folder, "damaged", "sealed.tar"), cuts(withoutPadding, 40), readArchive);
  const index = await readFile(backup.indexPath);
  const readIndex = (indexPath: string) => verifyArchive({ ...backup, indexPath, id: "0a1b2c3d" }, live);
  await requireFound(join(folder, "damaged", "sealed.index"), flips(index, 40), readIndex);
  await requireFound(join(folder, "damaged", "sealed.index"), cuts(index, 20), readIndex);
});

test("something appended to a sealed file is found", async (t) => {
  const { folder, backup } = await smallBackup(t, zst, curveKey);
  const bytes = await readFile(backup.archivePath);
  const damaged = join(folder, "damaged", "sealed.tar.zst.gpg");
  const appended = [Buffer.from([0]), Buffer.from([0xd2, 0]), bytes].map((more) => Buffer.concat([bytes, more]));
  await requireFound(
    damaged,
    appended.map((found, at) => [`appendix ${at}`, found] as const),
    readToTheEnd,
  );
});

test("a wrong passphrase is told as one, within a second", async (t) => {
  const { backup } = await smallBackup(t, zst, passphraseKey);
  const startedAt = performance.now();
  const opening = openSealed(backup.archivePath, { passphrase: new Secret("correct horse battery stapel") }, live);
  await assert.rejects(opening, { kind: "wrong-key" });
  assert.ok(performance.now() - startedAt < 1000);
  await assert.rejects(openSealed(backup.archivePath, {}, live), {
    kind: "wrong-key",
    message: /sealed\.tar\.zst\.gpg/,
  });
});

test("a file that is decrypted by itself appears only when it has proven authentic", async (t) => {
  const { folder, backup } = await smallBackup(t, zst, passphraseKey);
  const to = join(folder, "damaged", "plain.tar");
  const bytes = await readFile(backup.archivePath);
  const broken = join(folder, "broken.tar.zst.gpg");
  for (const at of [bytes.length - 1, bytes.length - 30, Math.floor(bytes.length / 2)]) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    await writeFile(broken, flipped);
    await assert.rejects(decryptFile(broken, to, passphraseKeys, live), { kind: "verification-failed" });
    assert.deepEqual(await readdir(join(folder, "damaged")), []);
  }
  await decryptFile(backup.archivePath, to, passphraseKeys, live);
  assert.deepEqual(await readdir(join(folder, "damaged")), ["plain.tar"]);
  await assert.rejects(decryptFile(backup.archivePath, to, passphraseKeys, live), /exists already/);
});
