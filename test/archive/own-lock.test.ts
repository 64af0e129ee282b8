import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { decryptSessionKeys, encryptSessionKey, readMessage } from "openpgp";
import { newSessionKey } from "../../src/archive/encryption.ts";
import { openFromMemory, sealForMemory } from "../../src/archive/memory-seal.ts";
import { openOwnLock, ownLock } from "../../src/archive/own-lock.ts";
import { Secret } from "../../src/system/secret.ts";

const phrases = ["correct horse battery staple", "ünï 漢字", "x", "y".repeat(3000)];

test("the lock that is written opens to the session key in it, as with openpgp, and not with another passphrase", async () => {
  for (const phrase of phrases) {
    const { sessionKey, packets } = await newSessionKey({ kind: "passphrase", passphrase: new Secret(phrase) });
    const lock = ownLock(packets);
    assert.ok(lock);
    assert.deepEqual(openOwnLock(lock, phrase), sessionKey);
    const wrong = openOwnLock(lock, `${phrase} `);
    assert.notDeepEqual(wrong, sessionKey);
    const message = await readMessage({ binaryMessage: packets });
    const [opened] = await decryptSessionKeys({ message, passwords: phrase });
    assert.deepEqual(Buffer.from(opened?.data ?? []), sessionKey);
  }
});

test("two locks, other ciphers and what is cut off are left to openpgp", async () => {
  const { packets } = await newSessionKey({ kind: "passphrase", passphrase: new Secret("a passphrase") });
  const other = await encryptSessionKey({
    ...{ data: randomBytes(16), algorithm: "aes128" as const, passwords: "a passphrase", format: "binary" as const },
    config: { aeadProtect: false, preferredSymmetricAlgorithm: 7 },
  });
  for (const bytes of [
    Buffer.concat([packets, packets]),
    packets.subarray(1),
    packets.subarray(0, -1),
    Buffer.from(other),
  ]) {
    assert.equal(ownLock(bytes), undefined);
  }
});

test("what is sealed for the memory opens under its key and name, and is nothing otherwise", () => {
  const key = randomBytes(32);
  const plain = Buffer.from("a session key and an index");
  const sealed = sealForMemory(plain, key, "a");
  assert.deepEqual(openFromMemory(sealed, key, "a"), plain);
  assert.notDeepEqual(sealForMemory(plain, key, "a"), sealed);
  assert.equal(openFromMemory(sealed, key, "b"), undefined);
  assert.equal(openFromMemory(sealed, randomBytes(32), "a"), undefined);
  for (let at = 0; at < sealed.length; at += 1) {
    const flipped = Buffer.from(sealed);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    assert.equal(openFromMemory(flipped, key, "a"), undefined, `byte ${at}`);
    assert.equal(openFromMemory(sealed.subarray(0, at), key, "a"), undefined, `${at} bytes`);
  }
});
