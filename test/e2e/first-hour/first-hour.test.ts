import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { freePort } from "../../servers/ports.ts";
import { mountSmallDisk } from "../../targets/small-disk.ts";
import { makeSandbox } from "../../run/sandbox.ts";
import { until } from "../../until.ts";
import { CTRL_C, linesOn, typed, type AtTerminal } from "./terminal.ts";

interface Mistake {
  readonly args: readonly string[];
  /** What is set otherwise; "" is as good as not set. */
  readonly env?: Readonly<Record<string, string>>;
  readonly exitCode: number;
  /** What failed, on what, and why. */
  readonly says: RegExp;
  /** What to do. */
  readonly cure: RegExp;
}

const sandbox = await makeSandbox();
await writeFile(join(sandbox.data, "hello.txt"), "hello\n");
await writeFile(join(sandbox.folder, "other-passphrase"), "another-long-passphrase\n");
await mkdir(join(sandbox.folder, "made-by-docker"));
after(() => sandbox[Symbol.asyncDispose]());

/** How it ended, and its one error: a second one, a stack trace or a line longer than four rows is what annoys. */
async function mistaken(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { exitCode, stdout } = await typed(args, { ...sandbox.env, ...env });
  return readAsOperator(String(stdout), exitCode);
}

function readAsOperator(screen: string, exitCode: number | undefined) {
  const lines = linesOn(screen);
  const errors = lines.filter((line) => /^lifeboat: |^ {2}failed: /.test(line));
  assert.equal(errors.length, 1, `not exactly one error:\n${screen}`);
  for (const line of lines) {
    assert.doesNotMatch(line, /^\s+at |\bERROR\b|\bundefined\b|\[object/, screen);
    assert.ok(line.length <= 4 * 80, `${line.length} characters: ${line}`);
  }
  const text = lines.slice(lines.indexOf(errors[0]!)).join("\n");
  const [message = ""] = text.replace(/^lifeboat: |^ {2}failed: /, "").split("\n");
  for (const other of lines.slice(0, lines.indexOf(errors[0]!))) {
    assert.ok(!other.includes(message), `told twice: ${message}`);
  }
  return { exitCode, text };
}

function requireCure({ exitCode, text }: ReturnType<typeof readAsOperator>, wanted: Omit<Mistake, "args" | "env">) {
  assert.match(text, wanted.says);
  assert.match(text, wanted.cure);
  assert.equal(exitCode, wanted.exitCode, text);
}

const beforehand: Readonly<Record<string, Mistake>> = {
  "a command that is misspelt": {
    ...{ args: ["bakcup"], exitCode: 2, says: /no command 'bakcup'/, cure: /Did you mean 'backup'\?/ },
  },
  "an option that is misspelt": {
    ...{ args: ["backup", "--dryrun"], exitCode: 2, says: /'--dryrun'/, cure: /Did you mean '--dry-run'\?/ },
  },
  "a setting that is misspelt": {
    ...{ args: ["backup"], env: { BACKUP_ARCHVE: "/x" }, exitCode: 2 },
    ...{ says: /BACKUP_ARCHVE: is not known/, cure: /BACKUP_ARCHIVE, if that was meant/ },
  },
  "no passphrase": {
    ...{ args: ["backup"], env: { GPG_PASSPHRASE_FILE: "" }, exitCode: 2 },
    ...{ says: /GPG_PASSPHRASE: is not set/, cure: /'openssl rand -base64 30' makes one/ },
  },
  "a passphrase file that is not there": {
    ...{ args: ["backup"], env: { GPG_PASSPHRASE_FILE: "/run/secrets/pasphrase" }, exitCode: 2 },
    ...{ says: /GPG_PASSPHRASE_FILE="\/run\/secrets\/pasphrase": is not there/, cure: /the path of a file in this/ },
  },
  "a passphrase file that Docker made a folder of": {
    ...{ args: ["backup"], env: { GPG_PASSPHRASE_FILE: join(sandbox.folder, "made-by-docker") }, exitCode: 2 },
    ...{ says: /is a folder, as Docker makes one/, cure: /the file put there on the host/ },
  },
  "a schedule of four fields": {
    ...{ args: ["backup"], env: { BACKUP_CRON_EXPRESSION: "0 2 * *" }, exitCode: 2 },
    ...{ says: /BACKUP_CRON_EXPRESSION="0 2 \* \*": has 4 fields/, cure: /'0 2 \* \* \*' for every night at two/ },
  },
  "a target folder that is not mounted": {
    ...{ args: ["backup"], env: { BACKUP_ARCHIVE: "/nowhere" }, exitCode: 2 },
    ...{ says: /BACKUP_ARCHIVE="\/nowhere": does not exist/, cure: /a folder that is mounted here/ },
  },
  "sources that are not mounted": {
    ...{ args: ["backup"], env: { BACKUP_SOURCES: "/nowhere" }, exitCode: 2 },
    ...{ says: /'\/nowhere' does not exist/, cure: /mount the volumes to save below/ },
  },
  "labels, and a socket that is not mounted": {
    ...{ args: ["backup"], env: { DOCKER_HOST: "unix:///nowhere.sock", BACKUP_DOCKER_PROJECT: "" }, exitCode: 2 },
    ...{ says: /DOCKER_HOST="unix:\/\/\/nowhere.sock": '\/nowhere.sock' does not exist/, cure: /socket mounted/ },
  },
  "rsync without a key": {
    ...{ args: ["backup"], env: { RSYNC_DESTINATION: "backup@nas:/backups" }, exitCode: 2 },
    ...{ says: /RSYNC_SSH_KEY: is not set/, cure: /ssh-keyscan -p 22 nas/ },
  },
  "a restore before there is a backup": {
    ...{ args: ["restore", "latest", "--to", join(sandbox.folder, "back")], exitCode: 10 },
    ...{ says: /no backup/, cure: /set BACKUP_NAME .*'lifeboat backup' makes one/ },
  },
};

const afterwards: Readonly<Record<string, Mistake>> = {
  "a restore to nowhere": {
    ...{ args: ["restore", "latest"], exitCode: 2 },
    ...{ says: /either to a folder or in place/, cure: /Give one of --to FOLDER, --in-place, and --stdout/ },
  },
  "a restore of a misspelt id": {
    ...{ args: ["restore", "latets", "--to", join(sandbox.folder, "back")], exitCode: 10 },
    ...{ says: /no backup 'latets'/, cure: /'latest' is the newest/ },
  },
  "a restore to a relative folder": {
    ...{ args: ["restore", "latest", "--to", "back"], exitCode: 2 },
    ...{ says: /'back' is no absolute path/, cure: /--to \/restored\/today/ },
  },
  "a restore over what is there": {
    ...{ args: ["restore", "latest", "--to", sandbox.folder], exitCode: 2 },
    ...{ says: /is not empty/, cure: /Give a folder that does not exist yet/ },
  },
  "a path that is not in the backup": {
    ...{ args: ["ls", "latest", "helo.txt"], exitCode: 10 },
    ...{ says: /has no 'helo.txt'/, cure: /lifeboat ls ID/ },
  },
  "a restore of a path that is not in the backup": {
    ...{ args: ["restore", "latest", "--to", join(sandbox.folder, "back"), "--only", "helo.txt"], exitCode: 10 },
    ...{ says: /no 'helo.txt'/, cure: /lifeboat ls ID/ },
  },
  "the wrong passphrase file": {
    args: ["restore", "latest", "--to", join(sandbox.folder, "back")],
    ...{ env: { GPG_PASSPHRASE_FILE: join(sandbox.folder, "other-passphrase") }, exitCode: 12 },
    ...{
      says: /^ {2}failed: backup '[0-9a-f]+' \(.*\) was made with another passphrase$/m,
      cure: /Set GPG_PASSPHRASE/,
    },
  },
  "a file from before that is not there": {
    ...{ args: ["restore", "--from-file", "/old/x.tar.gz", "--to", join(sandbox.folder, "back")], exitCode: 10 },
    ...{ says: /no file '\/old\/x.tar.gz'/, cure: /mount the folder that it is in/ },
  },
};

suite("the first hour", () => {
  for (const [name, { args, env, ...wanted }] of Object.entries(beforehand)) {
    test(name, async () => {
      requireCure(await mistaken(args, env), wanted);
    });
  }

  test("a target that is full", async () => {
    await using disk = await mountSmallDisk(sandbox.folder, "512k");
    await writeFile(join(disk.folder, "fill"), Buffer.alloc(1 << 20)).catch(() => {});
    const cure = /Free some space there, keep fewer backups, or mount a larger volume/;
    const says = new RegExp(`not enough space in '${disk.folder}'`);
    requireCure(await mistaken(["backup"], { BACKUP_ARCHIVE: disk.folder }), { exitCode: 1, says, cure });
  });

  const s3 = (port: number) => ({
    ...{ AWS_S3_BUCKET_NAME: "backups", AWS_ENDPOINT: `127.0.0.1:${port}`, AWS_ENDPOINT_PROTO: "http" },
    ...{ AWS_ACCESS_KEY_ID: "key-of-mine", AWS_SECRET_ACCESS_KEY: "secret-of-mine" },
  });

  test("a target that is down", async () => {
    const ended = await mistaken(["list", "--target", "s3:backups"], s3(await freePort()));
    requireCure(ended, { exitCode: 1, says: /'s3:backups': it cannot be reached/, cure: /Is the server up/ });
  });

  test("a target that is the web console of the server", async () => {
    const page = createServer((_, answer) => answer.end("<html><body>Sign in</body></html>")).listen(0, "127.0.0.1");
    await once(page, "listening");
    try {
      const ended = await mistaken(["list", "--target", "s3:backups"], s3((page.address() as AddressInfo).port));
      requireCure(ended, { exitCode: 1, says: /does not speak S3/, cure: /the endpoint of the server's S3 API/ });
    } finally {
      page.closeAllConnections();
      page.close();
    }
  });

  test("then a backup succeeds, without an error", async () => {
    const { exitCode, stdout } = await typed(["backup"], sandbox.env);
    assert.equal(exitCode, 0, String(stdout));
    assert.match(linesOn(String(stdout)).at(-2)!, /^backup [0-9a-f]{8} succeeded in /);
  });

  for (const [name, { args, env, ...wanted }] of Object.entries(afterwards)) {
    test(name, async () => {
      requireCure(await mistaken(args, env), wanted);
      assert.ok(!(await readdir(sandbox.folder)).includes("back"), "something was restored");
    });
  }

  test("Ctrl-C at the question of a restore in place", async () => {
    const running = typed(["restore", "latest", "--in-place"], sandbox.env);
    await seen(running, "Go on? [y/N]");
    running.stdin.write(CTRL_C);
    const { exitCode, stdout } = await running;
    assert.equal(exitCode, 130);
    const lines = linesOn(String(stdout));
    assert.ok(
      lines.some((line) => /nothing was touched/.test(line)),
      String(stdout),
    );
    assert.ok(!lines.some((line) => /^\s+at |ERROR/.test(line)), String(stdout));
  });

  test("a second daemon beside the first", async () => {
    const first = typed([], sandbox.env);
    await seen(first, "daemon");
    requireCure(await mistaken([]), {
      exitCode: 11,
      says: /daemon/,
      cure: /lifeboat backup|lifeboat list|BACKUP_STATE/,
    });
    first.stdin.write(CTRL_C);
    assert.ok([0, 130].includes((await first).exitCode ?? -1));
  });
});

/** Resolves once these words are on the screen. */
async function seen({ stdout }: AtTerminal, words: string): Promise<void> {
  let screen = "";
  stdout.on("data", (chunk: Buffer) => (screen += chunk.toString()));
  await until(`'${words}' is on the screen`, () => screen.includes(words));
}
