import assert from "node:assert/strict";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  authenticate,
  knownSigner,
  openAuthenticator,
  opensWithMethodOf,
  parseReceipt,
  sealReceipt,
} from "../../src/archive/receipt.ts";
import type { ReceiptFields } from "../../src/archive/receipt.ts";
import { Secret } from "../../src/system/secret.ts";
import { passphraseKey, passphraseKeys, temporaryFolder } from "./rig.ts";

const fields: ReceiptFields = {
  ...{ format: 1, id: "0a1b2c3d", sequence: 7, name: "stack", kind: "full", parent: null },
  ...{ takenAt: "2026-01-02T03:04:05.678Z", finishedAt: "2026-01-02T03:05:05Z" },
  ...{ tool: { name: "lifeboat", version: "0.1.0" }, compression: "zst" },
  encryption: { kind: "passphrase", recipients: [] },
  archive: {
    ...{ key: "stack-20260102T030405Z-full.tar.zst.gpg", sizeBytes: 100, sha256: "a".repeat(64) },
    ...{ tarBytes: 10_240, contentBytes: 3, counts: { files: 1, folders: 1, symlinks: 0, hardlinks: 0 } },
  },
  index: { key: "stack-20260102T030405Z-full.index.zst.gpg", sizeBytes: 50, sha256: "b".repeat(64), entries: 2 },
  sources: [
    {
      kind: "folder",
      name: ".",
      outcome: "good",
      flaws: [],
      facts: { files: 1, names: ["ünï", "\u2028"], ratio: 0.25 },
    },
  ],
  ...{ outcome: "good", warnings: ["one < two"], previous: "c".repeat(64) },
};

test("a receipt reads back as it was written, and proves itself by the passphrase", async (t) => {
  const authenticator = await openAuthenticator(passphraseKey, temporaryFolder(t), undefined);
  const bytes = sealReceipt(fields, authenticator);
  const receipt = parseReceipt(bytes);
  const { authentication, ...read } = receipt;
  assert.deepEqual(read, fields);
  assert.equal(authentication.kind, "passphrase");
  assert.deepEqual(await authenticate(receipt, passphraseKeys), { trust: "passphrase" });
  assert.equal(bytes.at(-1), 0x0a);
  assert.ok(!bytes.toString().includes(passphraseKey.kind === "passphrase" ? passphraseKey.passphrase.reveal() : ""));
});

test("every flipped bit of a receipt is found, whichever way it is authenticated", async (t) => {
  const folder = temporaryFolder(t);
  for (const key of [passphraseKey, { kind: "none" } as const]) {
    const authenticator = await openAuthenticator(key, folder, undefined);
    const bytes = sealReceipt(fields, authenticator);
    const keys = key.kind === "none" ? { signers: [(await knownSigner(folder)) ?? ""] } : passphraseKeys;
    let asked = 0;
    for (let at = 0; at < bytes.length; at += 3) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 7));
      // Flips in the salt make a new derivation of 100 ms each: a few of them are enough.
      if (
        bytes.toString("latin1", 0, at).lastIndexOf('"salt":"') > bytes.toString("latin1", 0, at).lastIndexOf(",") &&
        asked++ > 2
      )
        continue;
      await assert.rejects(
        async () => authenticate(parseReceipt(flipped), keys),
        (error: { kind?: string }) => {
          assert.ok(error.kind === "verification-failed" || error.kind === "wrong-key", `byte ${at}: ${String(error)}`);
          return true;
        },
      );
    }
  }
});

test("a receipt that is cut off, or says more than it should, is refused", async (t) => {
  const bytes = sealReceipt(fields, await openAuthenticator({ kind: "none" }, temporaryFolder(t), undefined));
  const text = bytes.toString();
  const changed = [
    ...[0, 1, 100, text.length - 1].map((length) => text.slice(0, length)),
    `${text}\n`,
    ` ${text}`,
    text.replace('"id"', '"extra":1,"id"'),
    text.replace('"format":1', '"format": 1'),
    text.replace('"sequence":7', '"sequence":7.0'),
    text.replace('"sequence":7', '"sequence":7,"sequence":7'),
    text.replace('"full"', '"partial"'),
    text.replace("ünï", "\\u00fcnï"),
  ];
  for (const other of changed) {
    assert.notEqual(other, text);
    assert.throws(() => parseReceipt(Buffer.from(other)), { kind: "verification-failed" }, other.slice(0, 60));
  }
});

test("a receipt of a later format says that a newer version is needed", () => {
  const later = Buffer.from('{"format":2}\n');
  assert.throws(() => parseReceipt(later), { kind: "verification-failed", hint: /newer/ });
});

test("another passphrase is told as a wrong key, a missing one too", async (t) => {
  const authenticator = await openAuthenticator(passphraseKey, temporaryFolder(t), undefined);
  const receipt = parseReceipt(sealReceipt(fields, authenticator));
  const other = { passphrase: new Secret("something else") };
  await assert.rejects(authenticate(receipt, other), { kind: "wrong-key", message: /stack-20260102T030405Z-full/ });
  await assert.rejects(authenticate(receipt, {}), { kind: "wrong-key" });
});

test("the salt is taken over from the previous receipt, so that a long list costs one derivation", async (t) => {
  const folder = temporaryFolder(t);
  const first = parseReceipt(sealReceipt(fields, await openAuthenticator(passphraseKey, folder, undefined)));
  const next = await openAuthenticator(passphraseKey, folder, first);
  const receipts = Array.from({ length: 200 }, (_, at) =>
    parseReceipt(sealReceipt({ ...fields, sequence: at + 1 }, next)),
  );
  const fresh = { passphrase: new Secret("correct horse battery staple") };
  const startedAt = performance.now();
  for (const receipt of receipts) await authenticate(receipt, fresh);
  assert.ok(performance.now() - startedAt < 3000);
  const salts = new Set(
    [first, ...receipts].map(({ authentication }) => authentication.kind === "passphrase" && authentication.kdf.salt),
  );
  assert.equal(salts.size, 1);
});

test("without a passphrase a receipt is signed by a key that stays in the state folder", async (t) => {
  const [here, elsewhere] = [temporaryFolder(t), temporaryFolder(t)];
  assert.equal(await knownSigner(here), undefined);
  const authenticator = await openAuthenticator({ kind: "none" }, here, undefined);
  const again = await openAuthenticator({ kind: "public-keys", armored: [] }, here, undefined);
  assert.match(authenticator.signer ?? "", /^SHA256:[A-Za-z0-9+/]{43}$/);
  assert.equal(again.signer, authenticator.signer);
  assert.equal(await knownSigner(here), authenticator.signer);
  const [file = ""] = await readdir(here);
  assert.equal((await stat(join(here, file))).mode & 0o777, 0o600);

  const receipt = parseReceipt(sealReceipt(fields, authenticator));
  const { signer = "" } = authenticator;
  assert.deepEqual(await authenticate(receipt, { signers: [signer] }), { signer, trust: "known-signer" });
  assert.deepEqual(await authenticate(receipt, {}), { signer, trust: "first-use" });
  const stranger = await openAuthenticator({ kind: "none" }, elsewhere, undefined);
  const forged = parseReceipt(sealReceipt(fields, stranger));
  const refusal = { kind: "verification-failed", message: /neither the key of this state folder nor in BACKUP_SIGNER/ };
  await assert.rejects(authenticate(forged, { signers: [signer] }), refusal);
  const both = { signers: [signer, stranger.signer ?? ""] };
  assert.equal((await authenticate(forged, both)).trust, "known-signer");
  await assert.rejects(authenticate(forged, passphraseKeys), { kind: "verification-failed" });
  await rm(join(here, file));
});

const inClear: ReceiptFields = {
  ...fields,
  encryption: { kind: "none", recipients: [] },
  archive: { ...fields.archive, key: "stack-20260102T030405Z-full.tar.zst" },
  index: { ...fields.index, key: "stack-20260102T030405Z-full.index.zst" },
};

test("where keys are given, a backup in clear counts only if a known key signed it", async (t) => {
  const folder = temporaryFolder(t);
  const authenticator = await openAuthenticator({ kind: "none" }, folder, undefined);
  const receipt = parseReceipt(sealReceipt(inClear, authenticator));
  const { signer = "" } = authenticator;
  assert.equal((await authenticate(receipt, {})).trust, "first-use");
  const refusal = { kind: "verification-failed", message: /a backup in clear, which is refused where keys are given/ };
  await assert.rejects(authenticate(receipt, { expectEncrypted: true }), refusal);
  const known = { expectEncrypted: true, signers: [signer] };
  assert.deepEqual(await authenticate(receipt, known), { signer, trust: "known-signer" });
});

test("a receipt that calls plain files encrypted, or encrypted ones plain, is refused", async (t) => {
  const authenticator = await openAuthenticator({ kind: "none" }, temporaryFolder(t), undefined);
  const lie = { kind: "verification-failed", message: /the names of its files say otherwise/ };
  const { encryption, archive } = fields;
  assert.throws(() => sealReceipt({ ...inClear, encryption }, authenticator), lie);
  assert.throws(() => sealReceipt({ ...inClear, archive }, authenticator), lie);
  assert.throws(() => sealReceipt({ ...fields, encryption: inClear.encryption }, authenticator), lie);
});

test("a changed salt or check value is told from another passphrase, with the help of another receipt", async (t) => {
  const folder = temporaryFolder(t);
  const authenticator = await openAuthenticator(passphraseKey, folder, undefined);
  const other = parseReceipt(sealReceipt({ ...fields, sequence: 8 }, authenticator));
  const bytes = sealReceipt(fields, authenticator);
  const turned = (word: string) => {
    const at = bytes.indexOf(`"${word}":"`) + word.length + 4;
    const changed = Buffer.from(bytes);
    changed[at] = changed[at] === 0x30 ? 0x31 : 0x30;
    return parseReceipt(changed);
  };
  const passphrase = new Secret("correct horse battery staple");
  for (const word of ["salt", "check"]) {
    await assert.rejects(authenticate(turned(word), passphraseKeys), { kind: "wrong-key" }, word);
    assert.equal(await opensWithMethodOf(turned(word), other, passphrase), true, word);
  }
  const strange = { kind: "passphrase", passphrase: new Secret("something else entirely") } as const;
  const foreign = parseReceipt(sealReceipt(fields, await openAuthenticator(strange, folder, other)));
  assert.equal(await opensWithMethodOf(foreign, other, passphrase), false);
});
