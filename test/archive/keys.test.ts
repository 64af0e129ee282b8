import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createMessage, decrypt, encrypt, generateKey, readMessage } from "openpgp";
import { verifyArchive } from "../../src/archive/extract.ts";
import type { SealingKey } from "../../src/archive/format.ts";
import { inspectSealingKey } from "../../src/archive/keys.ts";
import { openSealed } from "../../src/archive/unseal.ts";
import { Secret } from "../../src/system/secret.ts";
import { startGnupg } from "./gnupg.ts";
import { live, passphraseKey, passphraseKeys, sealTree, smallTree, temporaryFolder } from "./rig.ts";

const sealingTo = (...armored: string[]): SealingKey => ({ kind: "public-keys", armored });

test("a backup to several keys made by gpg is opened by gpg and by us, with any one of them", async (t) => {
  const gnupg = startGnupg(t);
  const rsa = gnupg.makeKey("rsa@example.org", "rsa2048", { subkey: "rsa2048" });
  const curve = gnupg.makeKey("curve@example.org", "ed25519", { subkey: "cv25519" });
  const folder = temporaryFolder(t);
  await smallTree(join(folder, "root"));
  const key = sealingTo(rsa.publicKey, curve.publicKey);
  const { recipients } = await inspectSealingKey(key);
  assert.deepEqual(recipients, [{ fingerprint: rsa.fingerprint }, { fingerprint: curve.fingerprint }]);

  for (const { privateKey } of [rsa, curve]) {
    const part = join(folder, privateKey === rsa.privateKey ? "rsa" : "curve");
    await mkdir(part);
    const keys = { privateKeys: [new Secret(privateKey)] };
    const { backup, sealed } = await sealTree(join(folder, "root"), part, { key, keys });
    const { members } = await verifyArchive(backup, live);
    assert.equal(members, 6);
    const tar = execFileSync("zstd", ["-d"], { input: gnupg.gpg(["--decrypt"], await readFile(backup.archivePath)) });
    assert.equal(tar.length, sealed.tarBytes);
  }
});

test("openpgp itself opens what we sealed, and we open what openpgp sealed", async (t) => {
  const folder = temporaryFolder(t);
  await smallTree(join(folder, "root"));
  await writeFile(join(folder, "root", "large"), randomBytes(3_000_000));
  const { backup } = await sealTree(join(folder, "root"), folder);
  const config = { aeadProtect: false };
  const message = await readMessage({ binaryMessage: await readFile(backup.archivePath) });
  const { data } = await decrypt({ message, passwords: "correct horse battery staple", format: "binary", config });
  const tar = execFileSync("zstd", ["-d"], { input: data as Uint8Array, maxBuffer: 1 << 28 });
  const theirs = await encrypt({
    message: await createMessage({ binary: data as Uint8Array }),
    ...{ passwords: "correct horse battery staple", format: "binary" as const, config },
  });
  const path = join(folder, "theirs.tar.zst.gpg");
  await writeFile(path, theirs as Uint8Array);
  const chunks: Buffer[] = [];
  for await (const chunk of await openSealed(path, passphraseKeys, live)) chunks.push(chunk);
  assert.ok(tar.equals(Buffer.concat(chunks)));
});

test("a private key that is locked needs its passphrase, and a wrong one is told as such", async (t) => {
  const passphrase = "locked away";
  const userIDs = [{ name: "locked" }];
  const { privateKey, publicKey } = await generateKey({ userIDs, type: "ecc", format: "armored", passphrase });
  const folder = temporaryFolder(t);
  await smallTree(join(folder, "root"));
  const privateKeys = [new Secret(privateKey)];
  const keys = { privateKeys, privateKeyPassphrase: new Secret(passphrase) };
  const { backup } = await sealTree(join(folder, "root"), folder, { key: sealingTo(publicKey), keys });
  await verifyArchive(backup, live);
  const wrong = { privateKeys, privateKeyPassphrase: new Secret("not this one") };
  await assert.rejects(openSealed(backup.archivePath, wrong, live), { kind: "wrong-key" });
  await assert.rejects(openSealed(backup.archivePath, { privateKeys }, live), { kind: "wrong-key" });
});

test("a private key that is not the right one is told as such, RSA or curve", async (t) => {
  const gnupg = startGnupg(t);
  const [ours, theirs] = [1, 2].map((at) => gnupg.makeKey(`rsa${at}@example.org`, "rsa2048", { subkey: "rsa2048" }));
  const { privateKey: curve } = await generateKey({ userIDs: [{ name: "x" }], type: "ecc", format: "armored" });
  const folder = temporaryFolder(t);
  await smallTree(join(folder, "root"));
  const { backup } = await sealTree(join(folder, "root"), folder, { key: sealingTo(ours?.publicKey ?? "") });
  for (const privateKey of [theirs?.privateKey ?? "", curve]) {
    const keys = { privateKeys: [new Secret(privateKey)] };
    await assert.rejects(openSealed(backup.archivePath, keys, live), { kind: "wrong-key" });
  }
  const noPrivateKey = openSealed(backup.archivePath, { passphrase: new Secret("a passphrase") }, live);
  await assert.rejects(noPrivateKey, { kind: "wrong-key", hint: /GPG_PRIVATE_KEY/ });
  const garbage = openSealed(backup.archivePath, { privateKeys: [new Secret("garbage, not armor")] }, live);
  await assert.rejects(garbage, { kind: "wrong-key" });
});

test("keys that cannot be sealed to are refused at once, with their fingerprints", async (t) => {
  const gnupg = startGnupg(t);
  const good = gnupg.makeKey("good@example.org", "ed25519", { subkey: "cv25519" });
  const signing = gnupg.makeKey("signing@example.org", "ed25519");
  const { publicKey, revocationCertificate } = await generateKey({
    ...{ userIDs: [{ name: "revoked" }], type: "ecc", format: "armored" },
  });
  gnupg.gpg(["--import"], publicKey);
  gnupg.gpg(["--import"], revocationCertificate);
  const revoked = gnupg.gpg(["--armor", "--export", "revoked"]).toString();
  const yearsAgo = new Date("2020-01-01");
  const old = await generateKey({
    ...{ userIDs: [{ name: "old" }], type: "ecc", format: "armored", date: yearsAgo, keyExpirationTime: 86_400 },
  });
  const cases: readonly (readonly [SealingKey, RegExp])[] = [
    [sealingTo("no armor at all"), /cannot be read/],
    [sealingTo(good.publicKey.replace(/\n([A-Za-z0-9+/]{10})/, "\nAAAAAAAAAA")), /cannot be read/],
    [sealingTo(good.publicKey, good.privateKey), new RegExp(`'${good.fingerprint}' is a private key`)],
    [sealingTo(signing.publicKey), new RegExp(`'${signing.fingerprint}' has no valid subkey`)],
    [sealingTo(revoked), /'[0-9A-F]{40}' has been revoked/],
    [sealingTo(old.publicKey), /'[0-9A-F]{40}' expired on 2020-01-02/],
    [sealingTo(), /no public key/],
  ];
  for (const [key, message] of cases) await assert.rejects(inspectSealingKey(key), { kind: "settings", message });
});

test("a key that will expire says when", async () => {
  const keyExpirationTime = 86_400 * 30;
  const userIDs = [{ name: "soon" }];
  const { publicKey } = await generateKey({ userIDs, type: "ecc", format: "armored", keyExpirationTime });
  const { recipients } = await inspectSealingKey(sealingTo(publicKey));
  const days = ((recipients[0]?.expiresAt?.getTime() ?? 0) - Date.now()) / 86_400_000;
  assert.ok(days > 29 && days <= 30);
});

test("a passphrase and no key at all have no recipients", async () => {
  assert.deepEqual(await inspectSealingKey(passphraseKey), { recipients: [] });
  assert.deepEqual(await inspectSealingKey({ kind: "none" }), { recipients: [] });
});
