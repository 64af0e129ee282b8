import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startGnupg } from "./gnupg.ts";
import { describeTree, passphraseKey, smallTree, temporaryFolder } from "./rig.ts";
import { writeBackup } from "./three-files.ts";

const PAGE = new URL("../../docs/design/archive-format.md", import.meta.url);
const STEM = "stack-20260102T030405Z-full";

/** The commands of the page, as a reader would paste them one after the other. */
async function commandsOfThePage(): Promise<string> {
  const blocks = (await readFile(PAGE, "utf8")).matchAll(/^```sh\n(.*?)^```$/gms);
  return [...blocks].map(([, block]) => block).join("\n");
}

function run(script: string, folder: string, gnupgHome: string): string {
  const env = { ...process.env, GNUPGHOME: gnupgHome };
  return execFileSync("bash", ["-euc", script], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] }).toString();
}

test("a backup opens with gpg, zstd and tar alone, by the commands on the page", async (t) => {
  const gnupg = startGnupg(t);
  const folder = temporaryFolder(t);
  const root = join(folder, "root");
  await mkdir(join(folder, "backups"));
  await smallTree(root);
  await writeFile(join(root, 'quo"ted'), "needs an escape");
  execFileSync("sh", ["-c", "truncate -s 1M sparse; printf end >> sparse; setfattr -n user.x -v y first"], {
    cwd: root,
  });
  await writeBackup(root, join(folder, "backups"), STEM, passphraseKey);
  await writeFile(join(folder, "passphrase.txt"), "correct horse battery staple\n");

  const said = run(await commandsOfThePage(), folder, gnupg.home);

  const sealed = ["tar", "index"].map((part) => `backups/${STEM}.${part}.zst.gpg: as sealed\n`);
  assert.equal(said, `${sealed.join("")}all files as they were\n`);
  assert.deepEqual(await describeTree(join(folder, "restored", "backup")), await describeTree(root));
  const found = execFileSync("getfattr", ["-n", "user.x", "--only-values", "restored/backup/first"], { cwd: folder });
  assert.equal(found.toString(), "y");
});

test("the commands on the page open a backup to a public key as well", async (t) => {
  const gnupg = startGnupg(t);
  const { publicKey } = gnupg.makeKey("backup@example.org", "ed25519", { subkey: "cv25519" });
  const folder = temporaryFolder(t);
  const root = join(folder, "root");
  await mkdir(join(folder, "backups"));
  await smallTree(root);
  await writeBackup(root, join(folder, "backups"), STEM, { kind: "public-keys", armored: [publicKey] });
  await writeFile(join(folder, "passphrase.txt"), "\n");
  run(await commandsOfThePage(), folder, gnupg.home);
  assert.deepEqual(await describeTree(join(folder, "restored", "backup")), await describeTree(root));
});

test("the commands on the page find a file that is not as it was", async (t) => {
  const gnupg = startGnupg(t);
  const folder = temporaryFolder(t);
  const [root, backups] = [join(folder, "root"), join(folder, "backups")];
  await mkdir(backups);
  await smallTree(root);
  await writeBackup(root, backups, STEM, passphraseKey);
  await writeFile(join(root, "first"), "another first file\n");
  await mkdir(join(folder, "other"));
  await writeBackup(root, join(folder, "other"), STEM, passphraseKey);
  await rm(join(backups, `${STEM}.tar.zst.gpg`));
  execFileSync("mv", [`other/${STEM}.tar.zst.gpg`, "backups"], { cwd: folder });
  await writeFile(join(folder, "passphrase.txt"), "correct horse battery staple\n");
  const script = (await commandsOfThePage()).replace(/grep.*as sealed"/, '$& || echo "$file: another"');
  assert.throws(
    () => run(script, folder, gnupg.home),
    (error: { stdout: Buffer }) => {
      assert.match(error.stdout.toString(), /tar\.zst\.gpg: another\n.*index\.zst\.gpg: as sealed/);
      assert.match(error.stdout.toString(), /backup\/first: FAILED/);
      return true;
    },
  );
});
