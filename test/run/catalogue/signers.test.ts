import assert from "node:assert/strict";
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { generateKey } from "openpgp";
import { fillWithData, makeSandbox, type Ended, type Sandbox } from "../sandbox.ts";

let sandbox: Sandbox;
let other: Sandbox;
let sealing: Record<string, string>;
let machines = 0;
let signer: string;

before(async () => {
  [sandbox, other] = [await makeSandbox(), await makeSandbox()];
  for (const { data } of [sandbox, other]) await fillWithData(data);
  const { publicKey, privateKey } = await generateKey({ userIDs: [{ name: "backup" }] });
  sealing = { GPG_PASSPHRASE_FILE: "", GPG_PUBLIC_KEY_RING: publicKey, GPG_PRIVATE_KEY: privateKey };
  await succeeds(sandbox.lifeboat(["backup"], sealing));
  signer = (await signersSeen({}))[0] ?? "";
});
after(async () => {
  for (const each of [sandbox, other]) await each[Symbol.asyncDispose]();
});

async function succeeds(ending: Promise<Ended>, exitCode = 0): Promise<Ended> {
  const ended = await ending;
  assert.equal(ended.exitCode, exitCode, `${ended.stdout}\n${ended.stderr}`);
  return ended;
}

/** As on a machine that has nothing but the target and the private key. */
function elsewhere(more: Record<string, string> = {}): Record<string, string> {
  const { GPG_PUBLIC_KEY_RING: _, ...opening } = sealing;
  return { ...opening, BACKUP_STATE: join(sandbox.folder, `machine-${machines++}`), ...more };
}

async function signersSeen(env: Record<string, string>): Promise<readonly string[]> {
  const { stdout } = await sandbox.lifeboat(["list", "--json"], { ...sealing, ...env });
  const { signers } = JSON.parse(stdout) as { signers: { fingerprint: string }[] };
  return signers.map(({ fingerprint }) => fingerprint);
}

/** A backup under the same name at the same target, by somebody with a state folder of his own; removed after. */
async function forged(env: Record<string, string>, use: (id: string) => Promise<void>): Promise<void> {
  const before = await sandbox.stored();
  const { stdout } = await other.lifeboat(["backup", "--json"], { BACKUP_ARCHIVE: sandbox.archive, ...env });
  try {
    await use((JSON.parse(stdout) as { backupId: string }).backupId);
  } finally {
    const made = (await sandbox.stored()).filter((name) => !before.includes(name));
    assert.equal(made.length, 3);
    for (const name of made) await rm(join(sandbox.archive, name));
  }
}

const inClear = { GPG_PASSPHRASE_FILE: "", BACKUP_ENCRYPTION: "none" };

test("on a machine without state the newest is restored, and the report says who signed it", async () => {
  const to = join(sandbox.folder, "honest");
  const { stdout } = await succeeds(sandbox.lifeboat(["restore", "latest", "--to", to], elsewhere()));
  assert.ok(stdout.includes(`signed by '${signer}', which is taken on trust`), stdout);
  const { stdout: shown } = await succeeds(sandbox.lifeboat(["list"], elsewhere()));
  assert.ok(shown.includes(`signed by ${signer} (taken on trust`), shown);
  const { stdout: known } = await succeeds(sandbox.lifeboat(["list"], sealing));
  assert.ok(known.includes(`signed by ${signer} (known here)`), known);
});

test("with the right BACKUP_SIGNER nothing is taken on trust, with another everything is refused", async () => {
  const right = await succeeds(sandbox.lifeboat(["verify"], elsewhere({ BACKUP_SIGNER: signer })));
  assert.doesNotMatch(right.stdout, /on trust/);
  const wrong = elsewhere({ BACKUP_SIGNER: `SHA256:${"x".repeat(43)}` });
  assert.match((await succeeds(sandbox.lifeboat(["verify"], wrong), 13)).stdout, /nor in BACKUP_SIGNER/);
});

test("a newer backup in clear is never taken by a machine that has keys", async () => {
  await forged(inClear, async (id) => {
    const to = join(sandbox.folder, "plain");
    for (const args of [
      ["verify", "latest", "--read"],
      ["restore", "latest", "--to", to],
      ["ls", id],
    ]) {
      const { stdout, stderr } = await succeeds(sandbox.lifeboat(args, elsewhere()), id === args[1] ? 10 : 13);
      assert.match(stdout + stderr, id === args[1] ? /no backup/ : /a backup in clear, which is refused/);
    }
    await assert.rejects(stat(to), /ENOENT/);
    const { stdout } = await succeeds(sandbox.lifeboat(["list"], elsewhere()), 3);
    assert.match(stdout, /1 backup,/);
    const { stdout: found } = await succeeds(sandbox.lifeboat(["verify", "latest"], elsewhere()), 13);
    assert.match(found, /complete: receipt authentic/, "the newest that is one is verified all the same");
  });
});

test("of two that sign under one name none is taken, until BACKUP_SIGNER names one", async () => {
  const { GPG_PRIVATE_KEY: _, ...public_ } = sealing;
  await forged(public_, async () => {
    const to = join(sandbox.folder, "rivals");
    const { stdout } = await succeeds(sandbox.lifeboat(["restore", "latest", "--to", to], elsewhere()), 13);
    assert.match(stdout, /nothing here says which is yours\n.*BACKUP_SIGNER/);
    const { stdout: none } = await succeeds(sandbox.lifeboat(["list"], elsewhere()), 3);
    assert.match(none, /no backups/);
    assert.deepEqual(await signersSeen(elsewhere({ BACKUP_SIGNER: signer })), [signer]);
  });
});

test("a run that meets a forged backup says so, and makes the next one", async () => {
  await forged(inClear, async () => {
    const { stdout } = await succeeds(sandbox.lifeboat(["backup"], sealing), 3);
    assert.match(stdout, /shipped and proven/);
    assert.match(stdout, /warning: 'stack-.*' on '.*archive' is no backup: .* signed by 'SHA256:/);
    for (const name of (await sandbox.stored()).slice(-3)) await rm(join(sandbox.archive, name));
  });
});

test("a sidecar that lost its state folder says whose its old backups are, and counts on from them", async () => {
  const lost = { ...sealing, BACKUP_STATE: join(sandbox.folder, "lost-state") };
  const { stdout } = await succeeds(sandbox.lifeboat(["backup", "--json"], lost), 3);
  const { warnings } = JSON.parse(stdout) as { warnings: string[] };
  assert.ok(
    warnings.some((warning) => warning.includes(`signed by '${signer}', which is neither`)),
    stdout,
  );
  const [first, second] = await Promise.all(
    (await sandbox.stored())
      .filter((name) => name.endsWith(".receipt.json"))
      .map(async (name) => JSON.parse(await readFile(join(sandbox.archive, name), "utf8")) as { sequence: number }),
  );
  assert.equal(second?.sequence, (first?.sequence ?? 0) + 1);
  assert.equal((await signersSeen({ ...lost, BACKUP_SIGNER: signer })).length, 2);
});
