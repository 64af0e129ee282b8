import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fine, privateKey, problemOf, problemsOf, publicKey, read, worldWith } from "./world.ts";

suite("encryption", () => {
  const bare = { GPG_PASSPHRASE: "" };

  test("without any encryption setting nothing starts, and the message says how to make a passphrase and what to say for none", () => {
    const problem = problemOf(bare);
    assert.match(problem, /^GPG_PASSPHRASE: is not set/);
    assert.match(problem, /openssl rand -base64 30/);
    assert.match(problem, /BACKUP_ENCRYPTION=none/);
  });

  test("only BACKUP_ENCRYPTION=none writes in clear, and a key beside it is a contradiction", () => {
    assert.deepEqual(read({ BACKUP_ENCRYPTION: "none" }).config.encryption, { kind: "none" });
    assert.match(problemOf({ BACKUP_ENCRYPTION: "none" }), /^BACKUP_ENCRYPTION: contradicts GPG_PASSPHRASE/);
    const keys = { ...bare, BACKUP_ENCRYPTION: "none", GPG_PUBLIC_KEY_RING: publicKey };
    assert.match(problemOf(keys), /^BACKUP_ENCRYPTION: contradicts GPG_PUBLIC_KEY_RING/);
    assert.match(
      problemOf({ ...bare, BACKUP_ENCRYPTION: "no" }),
      /BACKUP_ENCRYPTION: is not one of the choices → required or none/,
    );
  });

  test("passphrase and public keys exclude each other", () => {
    assert.match(problemOf({ GPG_PUBLIC_KEY_RING: publicKey }), /GPG_PASSPHRASE: is given beside GPG_PUBLIC_KEY_RING/);
  });

  test("several public keys are taken one by one", () => {
    const ring = `Comment\n${publicKey}\n\n${publicKey}\n`;
    const { encryption } = read({ GPG_PUBLIC_KEY_RING: ring }).config;
    assert.deepEqual(encryption, { kind: "public-keys", armored: [`${publicKey}\n`, `${publicKey}\n`] });
  });

  test("a key that is a path, a private key, one without line breaks or no key at all is told as such", () => {
    const ring = (text: string) => problemOf({ ...bare, GPG_PUBLIC_KEY_RING: text });
    assert.match(ring("/keys/backup.asc"), /is a path instead of the key itself → .*GPG_PUBLIC_KEY_RING_FILE/);
    assert.match(ring(privateKey), /holds a private key/);
    assert.match(ring(publicKey.replaceAll("\n", "\\n")), /has lost its line breaks/);
    assert.match(ring("hello"), /is no armored key/);
    assert.match(problemOf({ GPG_PRIVATE_KEY: publicKey }), /GPG_PRIVATE_KEY: is no armored key/);
  });

  test("private keys are secrets, and a passphrase for none of them is useless", () => {
    const { config } = read({ ...fine, GPG_PRIVATE_KEY: privateKey, GPG_PRIVATE_KEY_PASSPHRASE: "open sesame" });
    assert.deepEqual(
      config.privateKeys.map((key) => key.reveal()),
      [`${privateKey}\n`],
    );
    assert.equal(config.privateKeyPassphrase?.reveal(), "open sesame");
    assert.match(problemOf({ GPG_PRIVATE_KEY_PASSPHRASE: "open sesame" }), /does nothing without GPG_PRIVATE_KEY/);
  });

  test("a passphrase that gpg would not take from the same file, or nobody can type, seals nothing", () => {
    const refused = {
      "two lines": [/more than one line/, "one-one-one-one\ntwo\n"],
      "an empty line first": [/more than one line/, "\none-one-one-one\n"],
      "two line breaks": [/more than one line/, "one-one-one-one\n\n"],
      "a line of Windows": [/carriage return/, "one-one-one-one\r\n"],
      "a byte order mark": [/byte order mark/, "\uFEFFone-one-one-one\n"],
      "bytes that are not text": [/no UTF-8/, "one-\uFFFD-one-one-one\n"],
      "a NUL": [/control character/, "one-\0-one-one-one\n"],
      "an escape": [/control character/, "one-\x1b[A-one-one-one\n"],
    } as const;
    for (const [what, [problem, text]] of Object.entries(refused)) {
      const env = { ...bare, GPG_PASSPHRASE_FILE: "/p" };
      assert.match(problemOf(env, worldWith({ "/p": text })), problem, what);
      assert.doesNotMatch(problemOf(env, worldWith({ "/p": text })), /one-/, what);
      assert.deepEqual(problemsOf(env, worldWith({ "/p": text }), "restore"), [], what);
    }
    for (const text of ["one-one-one-one\r\n", "\uFEFFone-one-one-one\r\n\r\n"]) {
      const { encryption } = read({ GPG_PASSPHRASE_FILE: "/p" }, worldWith({ "/p": text }), "restore").config;
      assert.equal(encryption.kind === "passphrase" && encryption.passphrase.reveal(), "one-one-one-one");
    }
    assert.equal(problemOf({ GPG_PASSPHRASE: "größer als nötig, Ünïcode" }), "");
  });

  test("a passphrase that can be guessed is a warning", () => {
    assert.match(read({ GPG_PASSPHRASE: "hunter2" }).warnings.join(), /fewer than 12 characters/);
    assert.doesNotMatch(read({ GPG_PASSPHRASE: "hunter2" }).warnings.join(), /hunter2/);
  });

  test("the signers of receipts are named by their fingerprints, and nothing else is one", () => {
    const [one, other] = [`SHA256:${"a".repeat(43)}`, `SHA256:${"B/+".repeat(14)}9`];
    const signers = (text: string) => read({ ...fine, BACKUP_SIGNER: text }).config.signers;
    assert.deepEqual(signers(one), [one]);
    assert.deepEqual(signers(`${one}, ${other}\n`), [one, other]);
    assert.deepEqual(read(fine).config.signers, []);
    for (const text of ["AB12CD34", `${one},x`, `${one}=`, ","]) {
      assert.match(problemOf({ BACKUP_SIGNER: text }), /^BACKUP_SIGNER: is no fingerprint .*lifeboat list/, text);
    }
  });

  test("on the machine of a restore, the private key alone is enough", () => {
    assert.deepEqual(problemsOf({ ...bare, GPG_PRIVATE_KEY: privateKey }, worldWith(), "restore"), []);
  });
});
