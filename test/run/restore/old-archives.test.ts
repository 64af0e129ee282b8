import assert from "node:assert/strict";
import { lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Database from "better-sqlite3";
import { execa } from "execa";
import { makeSandbox, type Ended, type Sandbox } from "../sandbox.ts";

/** What the scripts of before made, by their very commands. */
let sandbox: Sandbox;
let old: string;
const key = "kxPl3vT0u5lq0m8nS9d3z1JwY6c2Qe7a";

before(async () => {
  sandbox = await makeSandbox();
  old = join(sandbox.folder, "old");
  const tree = join(old, "tree");
  await mkdir(join(tree, "ssl", "live"), { recursive: true });
  await writeFile(join(tree, "ssl", "privkey.pem"), "-----BEGIN PRIVATE KEY-----\n", { mode: 0o600 });
  await symlink("../privkey.pem", join(tree, "ssl", "live", "privkey.pem"));
  await writeFile(join(tree, "ssl", `${"long-".repeat(30)}name`), "long\n");
  await writeFile(Buffer.concat([Buffer.from(`${tree}/ssl/odd`), Buffer.from([0xff])]), "odd\n");
  const database = new Database(join(tree, "atheme.db"));
  database.exec("CREATE TABLE nick_table (nick TEXT PRIMARY KEY); INSERT INTO nick_table VALUES ('toast')");
  database.close();
  await writeFile(join(old, "passphrase"), `${key}\n`);
  await writeFile(join(old, "barycenter.pgdump"), Buffer.concat([Buffer.from("PGDMP"), Buffer.alloc(100, 7)]));
  await sh(
    `
    tar -czf plain.tar.gz -C tree .
    sqlite3 tree/atheme.db ".backup 'atheme_20231201_020000.db'" && gzip atheme_20231201_020000.db
    tar czf - -C tree atheme.db ssl \\
      | gpg --symmetric --cipher-algo AES256 --batch --pinentry-mode loopback --passphrase-file passphrase > barycenter-20260214.tar.gz.gpg
    gpg --symmetric --cipher-algo AES256 --batch --pinentry-mode loopback --passphrase-file passphrase -o db.gpg tree/atheme.db
    gpg --quick-generate-key backup@example.com future-default default never
    gpg --encrypt --recipient backup@example.com --trust-model always -o public.tar.gz.gpg - < plain.tar.gz
    gpg --armor --export-secret-keys backup@example.com > private.asc
    openssl enc -aes-256-cbc -salt -in plain.tar.gz -out ssl_1.tar.gz.enc -k "$KEY"
    openssl enc -aes-256-cbc -salt -pbkdf2 -in plain.tar.gz -out ssl_2.tar.gz.enc -k "$KEY"
    openssl enc -aes-256-cbc -salt -md md5 -in plain.tar.gz -out ssl_3.tar.gz.enc -k "$KEY"
    openssl enc -aes-256-cbc -salt -in tree/ssl/privkey.pem -out key.pem.enc -k "$KEY"
  `.replace("sqlite3", "tar -czf plain.tar.gz -C tree .\nsqlite3"),
  );
});
after(async () => {
  await sh("gpgconf --kill all");
  await sandbox[Symbol.asyncDispose]();
});

async function sh(script: string): Promise<void> {
  const home = join(old, "gnupg");
  await mkdir(home, { recursive: true, mode: 0o700 });
  const options = ["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""];
  const gpg = `gpg() { case "$*" in *passphrase-file*) command gpg --quiet "$@" ;; *) command gpg ${options
    .map((option) => `'${option}'`)
    .join(" ")} "$@" ;; esac; }`;
  const env = { GNUPGHOME: home, KEY: key };
  await execa("bash", ["-euo", "pipefail", "-c", `${gpg}\n${script}`], { cwd: old, env });
}

const passphrase = { GPG_PASSPHRASE_FILE: "", GPG_PASSPHRASE: key };

let runs = 0;
async function restore(file: string, env: Record<string, string> = passphrase, ...more: string[]) {
  const to = join(sandbox.folder, `to-${runs++}`);
  const args = ["restore", "--from-file", join(old, file), "--to", to, ...more];
  return { to, ...(await sandbox.lifeboat(args, env)) };
}

async function requireTree({ to, exitCode, stderr }: Ended & { to: string }, expectedExit: number): Promise<void> {
  assert.equal(exitCode, expectedExit, stderr);
  assert.equal(await readFile(join(to, "ssl", "privkey.pem"), "utf8"), "-----BEGIN PRIVATE KEY-----\n");
  assert.equal((await stat(join(to, "ssl", "privkey.pem"))).mode & 0o777, 0o600);
  assert.equal(await readlink(join(to, "ssl", "live", "privkey.pem")), "../privkey.pem");
  await execa("diff", ["-r", "--no-dereference", join(old, "tree"), to]);
  await requireDatabase(join(to, "atheme.db"));
  const left = (await readdir(sandbox.folder)).filter((name) => name.startsWith("."));
  assert.deepEqual(left, []);
}

async function requireDatabase(path: string): Promise<void> {
  const database = new Database(path, { readonly: true });
  assert.equal(database.prepare("SELECT nick FROM nick_table").pluck().get(), "toast");
  database.close();
}

test("a tar.gz.gpg with a passphrase comes back as it was", async () => {
  await requireTree(await restore("barycenter-20260214.tar.gz.gpg"), 0);
});

test("a tar.gz.gpg to a public key comes back with the private one", async () => {
  const env = { GPG_PASSPHRASE_FILE: "", GPG_PRIVATE_KEY_FILE: join(old, "private.asc") };
  await requireTree(await restore("public.tar.gz.gpg", env), 0);
});

test("a plain tar.gz comes back without a key", async () => {
  await requireTree(await restore("plain.tar.gz", {}), 0);
});

for (const [file, how] of [
  ["ssl_1.tar.gz.enc", "as OpenSSL 1.1 and later make it"],
  ["ssl_2.tar.gz.enc", "with -pbkdf2"],
  ["ssl_3.tar.gz.enc", "as OpenSSL before 1.1 made it"],
] as const) {
  test(`an openssl enc file ${how} comes back, with a warning that nothing proves it`, async () => {
    const restored = await restore(file);
    await requireTree(restored, 3);
    assert.match(restored.stderr, /'openssl enc' proves nothing/);
    assert(!restored.stdout.includes(key) && !restored.stderr.includes(key));
  });
}

test("a db.gz and an encrypted database come back under their own names, checked", async () => {
  await requireDatabase(join((await restore("atheme_20231201_020000.db.gz")).to, "atheme_20231201_020000.db"));
  await requireDatabase(join((await restore("db.gpg")).to, "db"));
});

test("a database that is damaged is given, and said to be", async () => {
  const bytes = await readFile(join(old, "tree", "atheme.db"));
  await writeFile(join(old, "broken.db"), bytes.fill(0xee, 4096));
  const { exitCode, stderr } = await restore("broken.db");
  assert.equal(exitCode, 3);
  assert.match(stderr, /the database is flawed/);
});

test("a pgdump comes back as it is", async () => {
  const { to } = await restore("barycenter.pgdump");
  assert.deepEqual(await readFile(join(to, "barycenter.pgdump")), await readFile(join(old, "barycenter.pgdump")));
});

test("names mean nothing: what a file is, its bytes say", async () => {
  await sh("cp ssl_2.tar.gz.enc mislabelled.txt && cp barycenter-20260214.tar.gz.gpg mislabelled.tar");
  await requireTree(await restore("mislabelled.txt"), 3);
  await requireTree(await restore("mislabelled.tar"), 0);
});

test("decrypt opens old files by hand, and never leaves half of one", async () => {
  const gpg = await sandbox.lifeboat(["decrypt", join(old, "barycenter-20260214.tar.gz.gpg")], passphrase);
  assert.equal(gpg.exitCode, 0, gpg.stderr);
  const enc = await sandbox.lifeboat(["decrypt", join(old, "ssl_1.tar.gz.enc")], passphrase);
  assert.equal(enc.exitCode, 3, enc.stderr);
  const short = await sandbox.lifeboat(["decrypt", join(old, "key.pem.enc")], passphrase);
  assert.equal(short.exitCode, 3, short.stderr);
  assert.equal(await readFile(join(old, "key.pem"), "utf8"), "-----BEGIN PRIVATE KEY-----\n");
  await sh("cmp ssl_1.tar <(gunzip -c plain.tar.gz) && tar -tf barycenter-20260214.tar | grep -q ssl/privkey.pem");
  assert.equal((await lstat(join(old, "ssl_1.tar"))).mode & 0o777, 0o600);
});

test("a wrong passphrase ends with exit code 12, and nothing appears", async () => {
  const wrong = { GPG_PASSPHRASE_FILE: "", GPG_PASSPHRASE: "not the right passphrase" };
  for (const file of ["barycenter-20260214.tar.gz.gpg", "ssl_1.tar.gz.enc", "ssl_2.tar.gz.enc", "key.pem.enc"]) {
    const { exitCode, to, stderr } = await restore(file, wrong);
    assert.equal(exitCode, 12, `${file}: ${stderr}`);
    await assert.rejects(stat(to), /ENOENT/);
  }
  const none = await restore("ssl_1.tar.gz.enc", { GPG_PASSPHRASE_FILE: "" });
  assert.equal(none.exitCode, 12);
  assert.match(none.stderr, /GPG_PASSPHRASE/);
});

test("what was cut off or changed is found, and nothing appears", async () => {
  for (const file of ["barycenter-20260214.tar.gz.gpg", "ssl_1.tar.gz.enc", "plain.tar.gz", "db.gpg"]) {
    const whole = await readFile(join(old, file));
    const cut = whole.subarray(0, whole.length - 40);
    const changed = Buffer.from(whole);
    const at = Math.floor(whole.length * 0.7);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    for (const [what, bytes] of [
      ["cut", cut],
      ["changed", changed],
    ] as const) {
      await writeFile(join(old, "damaged"), bytes);
      const { exitCode, to, stderr } = await restore("damaged");
      assert.equal(exitCode, 13, `${file} ${what}: ${stderr}`);
      await assert.rejects(stat(to), /ENOENT/);
    }
  }
});

test("what unpacks to more than --max-size is refused before it is written", async () => {
  await sh("head -c 50M /dev/zero > zeros && gzip -k zeros && tar czf bomb.tar.gz zeros");
  for (const file of ["zeros.gz", "bomb.tar.gz"]) {
    const { exitCode, to, stderr } = await restore(file, passphrase, "--max-size", "1M");
    assert.equal(exitCode, 1);
    assert.match(stderr, /it unpacks to more than 1048576 bytes/);
    await assert.rejects(stat(to), /ENOENT/);
  }
});

test("command lines that make no sense end with exit code 2", async () => {
  const file = join(old, "plain.tar.gz");
  for (const args of [
    ["restore"],
    ["restore", "latest", "--from-file", file, "--to", "/x"],
    ["restore", "--from-file", file],
    ["restore", "--from-file", file, "--to", "/x", "--in-place"],
    ["restore", "--from-file", file, "--to", "/x", "--max-size", "much"],
    ["restore", "latest", "--to", "/x", "--max-size", "1G"],
  ]) {
    assert.equal((await sandbox.lifeboat(args)).exitCode, 2, args.join(" "));
  }
  assert.equal((await restore("no-such-file")).exitCode, 10);
});
