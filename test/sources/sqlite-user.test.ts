import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, chown, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Volume } from "./volume.ts";

describe("a sidecar that is not root", () => {
  async function copiedAsUser(
    volume: Volume,
  ): Promise<{ outcome?: string; rows?: unknown; message?: string; hint?: string }> {
    const stage = join(volume.live, "..", "stage");
    await mkdir(stage);
    await chown(stage, 1000, 1000);
    await chmod(join(volume.live, ".."), 0o755);
    const args = [join(import.meta.dirname, "sqlite-user-child.ts"), volume.readOnly, stage];
    const child = spawnSync(process.execPath, args, { uid: 1000, gid: 1000, encoding: "utf8" });
    assert.equal(child.status, 0, child.stderr);
    return JSON.parse(child.stdout) as Awaited<ReturnType<typeof copiedAsUser>>;
  }

  for (const [mode, role] of [
    ["delete", "hammer"],
    ["wal", "hammer"],
    ["delete", "half"],
  ] as const) {
    test(`copies a database of another user that it may read (journal mode ${mode}, ${role})`, async () => {
      await using volume = await Volume.create();
      const writer = await volume.write("app.db", role, mode);
      if (role === "half") await volume.crash(writer);
      const copied = await copiedAsUser(volume);
      assert.deepEqual(copied, { outcome: "good", rows: { checking: 2000, savings: 2000 } });
    });
  }

  for (const sideFiles of ["beside its -shm", "alone"] as const) {
    test(`says at once that it may not read the -wal (${sideFiles})`, async () => {
      await using volume = await Volume.create();
      await volume.crash(await volume.write("app.db", "open", "wal"));
      await chmod(join(volume.live, "app.db-wal"), 0o600);
      if (sideFiles === "alone") await rm(join(volume.live, "app.db-shm"));
      const { message, hint } = await copiedAsUser(volume);
      assert.match(message ?? "", /database 'app.db' could not be copied: its file \*-wal may not be read/);
      assert.match(hint ?? "", /Run the sidecar as a user who may read it/);
    });
  }
});
