import assert from "node:assert/strict";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { assemble } from "../../../src/assemble.ts";
import { sectionsOf } from "../../../src/run/backup/ahead-text.ts";
import { lookAhead } from "../../../src/run/backup/look-ahead.ts";
import type { BackupPlan } from "../../../src/run/backup/plan-backup.ts";
import { engineHost, makeStack, obedient } from "../../quiesce/stack.ts";
import { postgresImages } from "../../servers/postgres.ts";
import { fillWithData, makeSandbox, type Sandbox } from "../sandbox.ts";

describe("backup --dry-run", () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await makeSandbox();
  });
  afterEach(() => sandbox[Symbol.asyncDispose]());

  const put = async (path: string) => {
    await mkdir(join(sandbox.data, path, ".."), { recursive: true });
    await writeFile(join(sandbox.data, path), "12345");
  };

  test("says what would be saved and how, and writes nothing", async () => {
    await fillWithData(sandbox.data);
    await put("media/a");
    const { exitCode, stdout, stderr } = await sandbox.lifeboat(["backup", "--dry-run"], { TZ: "Europe/Berlin" });
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^a backup of 'stack', as it would be now; nothing was held, copied or written$/m);
    assert.match(stdout, /saved:\n {4}6 files, \d+ KiB, below \/.*\n {4}app: 5 files, .*\n {4}media: 1 file, 5 B$/m);
    assert.match(stdout, /SQLite 'app\/app\.db', [\d.]+ KiB, copied while it is in use/);
    assert.match(stdout, /kept:\n {4}at \/.*archive\n {4}encrypted with a passphrase\n/);
    assert.match(stdout, /when:\n {4}20\d\d-\d\d-\d\d 02:00:00 (CET|CEST|GMT\+\d)/);
    assert.match(stdout, /not saved:\n.*with BACKUP_DOCKER_PROJECT=none none can be seen, so lifeboat\.hold/);
    assert.deepEqual([await sandbox.stored(), await readdir(sandbox.state)], [[], []]);
  });

  test("ends as a backup would: 3 if it would be degraded, 1 if it would fail, with all that is wrong", async () => {
    const ahead = async () => {
      const { exitCode, stdout } = await sandbox.lifeboat(["backup", "--dry-run", "--json"]);
      const plan = JSON.parse(stdout) as BackupPlan;
      assert.equal(plan.exitCode, exitCode);
      return plan;
    };
    const empty = await ahead();
    assert.equal(empty.exitCode, 1);
    assert.match(empty.failures[0]?.message ?? "", /there is nothing to save/);
    assert.match(empty.failures[0]?.hint ?? "", /Mount the volumes/);

    await put("pg/PG_VERSION");
    await put("pg/global/pg_control");
    await put("pg/postmaster.pid");
    await symlink("/mnt/disk2/media", join(sandbox.data, "media"));
    const flawed = await ahead();
    assert.equal(flawed.exitCode, 3);
    assert.match(
      flawed.warnings.join("\n"),
      /a symlink leads out .*'media -> .*\n.*data folder 'pg' of PostgreSQL is in use/,
    );
    assert.deepEqual(flawed.failures, []);

    await put("etcd/member/snap/db");
    await put("etcd/member/wal/0.wal");
    assert.deepEqual((await ahead()).ahead.untold, ["'etcd' of etcd"]);
  });

  test("counts no longer than it may, says so, and ends at once when it is told to", async () => {
    await mkdir(join(sandbox.data, "many"));
    for (let at = 0; at < 3000; at++) await writeFile(join(sandbox.data, "many", String(at)), "");
    const signal = new AbortController().signal;
    const { stdout, stderr } = process;
    const tools = await assemble({ env: sandbox.env, stdout, stderr, signal }, "backup");
    const ahead = await lookAhead(tools, signal, 1);
    assert.equal(ahead.isWhole, false);
    assert.match(sectionsOf(ahead, "UTC")[0]?.items[0] ?? "", /^more than \d+ files, 0 B, below/);
    assert.equal((await lookAhead(tools, signal)).totals.files, 3000);
    await assert.rejects(lookAhead(tools, AbortSignal.abort(new Error("enough"))), /enough/);
  });

  test("knows the stack: what would come to rest, what is mounted nowhere, which server nobody dumps", async (t) => {
    const stack = await makeStack(t);
    await put("etcd/member/snap/db");
    await put("etcd/member/wal/0.wal");
    const volume = `${stack.project}-media`;
    t.after(() => stack.docker((d) => d.getVolume(volume).remove()));
    const etcd = { HostConfig: { Binds: [`${sandbox.data}/etcd:/data`] } };
    await stack.add("held", obedient, { "lifeboat.hold": "stop" }, etcd);
    const media = { HostConfig: { Binds: [`${volume}:/media`, `${sandbox.data}/etcd:/seen:ro`, "/dev/null:/x"] } };
    await stack.add("app", obedient, { "lifeboat.before.exec": "true" }, media);
    const database = { Image: postgresImages[17], Cmd: ["sleep", "1000"] };
    await stack.add("db", "", {}, database);
    const project = { DOCKER_HOST: engineHost, BACKUP_DOCKER_PROJECT: stack.project };
    const before = await stack.look("held");

    const { exitCode, stdout, stderr } = await sandbox.lifeboat(["backup", "--dry-run"], project);
    assert.equal(exitCode, 0, stdout + stderr);
    const [held, app, db] = ["held", "app", "db"].map(stack.nameOf);
    assert.match(stdout, new RegExp(`at rest meanwhile:\n +'${held}' is stopped\n +hooks are run in '${app}'\n`));
    const lost = /not saved:\n((?: {4}.*\n?)*)/.exec(stdout)?.[1] ?? "";
    assert.match(lost, new RegExp(`^ +volume '${volume}' \\(/media of '${app}'\\): not mounted here$`, "m"));
    assert.match(lost, new RegExp(`^ +an unnamed volume \\(/var/lib/postgresql/data of '${db}'\\)`, "m"));
    assert.match(lost, new RegExp(`^ +'${db}' \\(postgres:17\\) as a database: neither dumped nor held$`, "m"));
    assert.doesNotMatch(lost, /etcd|\/dev\/null|labels/);
    assert.equal((await stack.look("held")).State.StartedAt, before.State.StartedAt);

    await stack.add("writer", obedient, {}, etcd);
    const used = await sandbox.lifeboat(["backup", "--dry-run"], project);
    assert.equal(used.exitCode, 3, used.stdout);
    assert.match(used.stdout, /warning: .*'etcd' of etcd is in use by container '.*-writer-1'/);

    await stack.add("wrong", obedient, { "lifeboat.hold": "halt" });
    const wrong = await sandbox.lifeboat(["backup", "--dry-run"], project);
    assert.equal(wrong.exitCode, 2, wrong.stdout);
    assert.match(wrong.stdout, /would fail: container '.*-wrong-1': 'lifeboat\.hold=halt' is not stop or pause/);
  });
});
