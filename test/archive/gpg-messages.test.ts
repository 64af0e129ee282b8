import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import type { OpeningKeys } from "../../src/archive/format.ts";
import { openOldFile } from "../../src/archive/old/old-file.ts";
import { describeError, hintOf } from "../../src/errors.ts";
import { Secret } from "../../src/system/secret.ts";
import { startGnupg, type ArmoredKey, type Gnupg } from "./gnupg.ts";
import { live, temporaryFolder } from "./rig.ts";

const lines = Array.from({ length: 60 }, (_, at) => `line ${at} of a file\n`).join("");
const withPassphrase: OpeningKeys = { passphrase: new Secret("pw") };
const made = (name: string) => join(import.meta.dirname, "gnupg-2.4", name);

async function contentOf(path: string, keys: OpeningKeys): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await openOldFile(path, keys, live)).bytes) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

async function refusal(path: string, keys: OpeningKeys) {
  const error = await contentOf(path, keys).then(
    () => assert.fail("it was opened"),
    (reason: unknown) => reason,
  );
  const { kind } = error as { kind: string };
  return { kind, message: describeError(error), hint: hintOf(error) ?? "" };
}

async function written(t: TestContext, bytes: Buffer): Promise<string> {
  const path = join(temporaryFolder(t), "old.gpg");
  await writeFile(path, bytes);
  return path;
}

/** As gpg does it with these options, to the passphrase "pw". */
function symmetric(t: TestContext, ...options: string[]): Promise<string> {
  return written(
    t,
    startGnupg(t).gpg(["--passphrase", "pw", "--s2k-count", "65536", ...options, "--symmetric"], lines),
  );
}

suite("gpg's own ciphers, with a passphrase", () => {
  for (const cipher of ["AES", "AES192", "AES256"]) {
    test(`${cipher} is opened`, async (t) => {
      assert.equal(await contentOf(await symmetric(t, "--cipher-algo", cipher), withPassphrase), lines);
      const wrong = await refusal(await symmetric(t, "--cipher-algo", cipher), { passphrase: new Secret("other") });
      assert.deepEqual([wrong.kind, wrong.message], ["wrong-key", "cannot open 'old.gpg': the passphrase is wrong"]);
    });
  }
  for (const cipher of ["CAST5", "TWOFISH", "3DES", "BLOWFISH", "CAMELLIA256"]) {
    test(`${cipher} is named, with the command that opens it`, async (t) => {
      const { kind, message, hint } = await refusal(await symmetric(t, "--cipher-algo", cipher), withPassphrase);
      assert.equal(kind, "failed");
      assert.equal(message, `cannot open 'old.gpg': it is encrypted with ${cipher}, which this program does not open`);
      assert.match(hint, /'gpg --output OPENED --decrypt FILE'/);
    });
  }
  test("a message without an integrity code is named as such", async (t) => {
    const { message, hint } = await refusal(await symmetric(t, "--rfc2440", "--cipher-algo", "CAST5"), withPassphrase);
    assert.match(message, /it has no integrity code/);
    assert.match(hint, /'gpg --ignore-mdc-error --output OPENED --decrypt FILE'/);
  });
});

test("gpg's own ciphers, to a public key: AES is opened, of others it is said", async (t) => {
  const gnupg = startGnupg(t);
  const { privateKey } = gnupg.makeKey("a@example.org", "ed25519", { subkey: "cv25519" });
  const keys = { privateKeys: [new Secret(privateKey)] };
  const sealed = (cipher: string) =>
    written(t, gnupg.gpg(["--cipher-algo", cipher, "--trust-model", "always", "-r", "a@example.org", "-e"], lines));
  for (const cipher of ["AES", "AES192"]) assert.equal(await contentOf(await sealed(cipher), keys), lines);
  for (const cipher of ["CAST5", "TWOFISH"]) {
    const { kind, message, hint } = await refusal(await sealed(cipher), keys);
    assert.equal(kind, "failed");
    assert.match(message, /encrypted with (CAST5|a cipher that the key does not ask for), which this program does not/);
    assert.match(hint, /'gpg --output OPENED --decrypt FILE'/);
  }
});

suite("OCB, as GnuPG 2.4 makes it", () => {
  test("it is opened, with a passphrase and with a private key", async () => {
    assert.equal(await contentOf(made("passphrase.gpg"), withPassphrase), lines);
    assert.equal(await contentOf(made("passphrase-aes128.gpg"), withPassphrase), lines);
    const privateKey = new Secret(await readFile(made("private-key.asc"), "utf8"));
    assert.equal(await contentOf(made("public-key.gpg"), { privateKeys: [privateKey] }), lines);
  });

  test("a wrong passphrase is one, and another cipher is named", async () => {
    const wrong = await refusal(made("passphrase.gpg"), { passphrase: new Secret("other") });
    assert.deepEqual(
      [wrong.kind, wrong.message],
      ["wrong-key", "cannot open 'passphrase.gpg': the passphrase is wrong"],
    );
    const twofish = await refusal(made("twofish.gpg"), withPassphrase);
    assert.match(twofish.message, /it is encrypted with TWOFISH, which this program does not open/);
  });

  test("what was changed, cut off at any place, or is missing in the middle is damaged", async (t) => {
    const keys = { privateKeys: [new Secret(await readFile(made("private-key.asc"), "utf8"))] };
    const whole = await readFile(made("public-key.gpg"));
    const damaged = [...new Set(Array.from({ length: 24 }, (_, at) => Math.floor(((at + 1) * whole.length) / 25)))];
    for (const at of damaged.filter((offset) => offset > 120)) {
      const flipped = Buffer.from(whole);
      flipped.writeUInt8((flipped[at] ?? 0) ^ 1, at);
      for (const bytes of [flipped, whole.subarray(0, at)]) {
        const { kind } = await refusal(await written(t, bytes), keys);
        assert.equal(kind, "verification-failed", `at ${at}`);
      }
    }
  });
});

suite("private keys", () => {
  test("an exported subkey whose primary key is offline opens what was encrypted to it, locked or not", async (t) => {
    const gnupg = startGnupg(t);
    const passphrase = "key-passphrase";
    const plain = gnupg.makeKey("a@example.org", "ed25519", { subkey: "cv25519" });
    const toPlain = await written(t, encryptedTo(gnupg, plain));
    assert.equal(await contentOf(toPlain, { privateKeys: [new Secret(plain.privateSubkeys)] }), lines);

    const { privateSubkeys, ...locked } = gnupg.makeKey("b@example.org", "ed25519", { subkey: "cv25519", passphrase });
    const path = await written(t, encryptedTo(gnupg, locked));
    const privateKeys = [new Secret(privateSubkeys)];
    assert.equal(await contentOf(path, { privateKeys, privateKeyPassphrase: new Secret(passphrase) }), lines);
    const wrong = await refusal(path, { privateKeys, privateKeyPassphrase: new Secret("other") });
    assert.equal(
      wrong.message,
      `cannot open 'old.gpg': the passphrase of private key '${locked.fingerprint}' is wrong`,
    );
    const none = await refusal(path, { privateKeys });
    assert.deepEqual([none.kind, none.hint], ["wrong-key", "Set GPG_PRIVATE_KEY_PASSPHRASE."]);
  });

  test("a locked key of somebody else does not stand in the way, nor is it blamed", async (t) => {
    const gnupg = startGnupg(t);
    const ours = gnupg.makeKey("ours@example.org", "ed25519", { subkey: "cv25519" });
    const passphrase = "key-passphrase";
    const theirs = gnupg.makeKey("theirs@example.org", "ed25519", { subkey: "cv25519", passphrase });
    const third = gnupg.makeKey("third@example.org", "ed25519", { subkey: "cv25519" });
    const to = (...keys: ArmoredKey[]) => written(t, encryptedTo(gnupg, ...keys));
    const keys = { privateKeys: [new Secret(theirs.privateKey), new Secret(ours.privateKey)] };
    assert.equal(await contentOf(await to(ours), keys), lines);
    assert.equal(await contentOf(await to(ours, theirs), keys), lines);
    const unblamed = await refusal(await to(third), keys);
    assert.match(unblamed.message, /none of the private keys is the right one$/);
    const blamed = await refusal(await to(theirs), keys);
    assert.match(blamed.message, new RegExp(`private key '${theirs.fingerprint}' is locked with a passphrase$`));
  });

  test("a key without its secret part says so", async (t) => {
    const gnupg = startGnupg(t);
    const key = gnupg.makeKey("a@example.org", "ed25519", { subkey: "cv25519" });
    const path = await written(t, encryptedTo(gnupg, key));
    gnupg.gpg(["--quick-add-key", key.fingerprint, "ed25519", "sign", "never"]);
    const listed = gnupg.gpg(["--with-colons", "--list-keys", key.fingerprint]).toString();
    const signing = [...listed.matchAll(/^fpr:+([0-9A-F]{40}):/gm)].at(-1)?.[1] ?? "";
    const withoutIt = gnupg.gpg(["--armor", "--export-secret-subkeys", `${signing}!`]).toString();
    const { kind, message, hint } = await refusal(path, { privateKeys: [new Secret(withoutIt)] });
    assert.equal(kind, "wrong-key");
    assert.match(message, /none of the private keys is the right one$/);
    assert.match(hint, /the key that was in use/);
  });
});

function encryptedTo(gnupg: Gnupg, ...keys: readonly Pick<ArmoredKey, "fingerprint">[]): Buffer {
  const recipients = keys.flatMap(({ fingerprint }) => ["--recipient", fingerprint]);
  return gnupg.gpg(["--trust-model", "always", ...recipients, "--encrypt"], lines);
}
