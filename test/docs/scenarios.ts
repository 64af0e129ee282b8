import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { reachBarycenter } from "../e2e/barycenter.ts";
import { putIrcFiles } from "../e2e/irc/stack.ts";
import type { Stack } from "../e2e/stack.ts";
import { until } from "../until.ts";
import { addNas, addressOfS3, addS3, allowOnNas } from "./machines.ts";
import { readBlocks } from "./page.ts";
import type { Scenario } from "./walk.ts";

const example = { "docker-compose.yml": "docker-compose.example.yml" };
const appStack = { "docker-compose.yml": "test/docs/app.compose.yml" };

/** Every page with commands or compose texts, in the reader's place. */
export const scenarios: readonly Scenario[] = [
  {
    page: "README.md",
    files: appStack,
    async after(stack) {
      assert.equal(await stack.sh("cat restored/my-stack/my-data/note"), "worth keeping\n");
      const nowhere = "docker compose run --rm backup restore latest --to /nowhere 2>&1 || echo exit code $?";
      assert.match(await stack.sh(nowhere), /'\/nowhere' is in the container itself.*exit code 2/s);
    },
  },
  {
    page: "docs/quickstart.md",
    files: example,
    async after(stack, outputs) {
      assert.match(outputs.join(), /read: every byte is what was sealed/);
      assert.match(outputs.at(-1) ?? "", /private_key\.pem/);
      assert.equal(await stack.sh("stat -c %u:%g restored/today/barycenter/barycenter.db"), "1000:999\n");
    },
  },
  {
    page: "docs/how-to/restore.md",
    files: example,
    async before(stack) {
      await startWithPassphrase(stack);
      await stack.sh("docker compose exec backup lifeboat backup");
    },
    async after(stack, outputs) {
      assert.match(outputs.join(), /exit code 12/);
      assert.match(outputs.at(-1) ?? "", /barycenter\.db\njwks\.json\nprivate_key\.pem/);
      await reachBarycenter(stack);
      await stack.sh("diff -r restored/today/barycenter elsewhere/today/barycenter");
      await stack.sh("diff -r restored/today/barycenter by-hand/backup/barycenter");
    },
  },
  {
    page: "docs/how-to/restore-in-place.md",
    files: example,
    async before(stack) {
      await startWithPassphrase(stack);
      await reachBarycenter(stack);
      await stack.sh("docker compose exec backup lifeboat backup; docker compose exec barycenter rm data/jwks.json");
    },
    async after(stack, outputs) {
      assert.match(outputs.join(), /\/backup\/barycenter: everything is replaced by 3 files/);
      const { length } = [...outputs.join().matchAll(/restore \S+ succeeded/g)];
      assert.equal(length, 5);
      assert.match(outputs.join(), /is at 'barycenter\/jwks\.json\.from-backup' now/);
      await reachBarycenter(stack);
      await stack.sh("docker compose exec barycenter test -s data/jwks.json");
    },
  },
  {
    page: "docs/how-to/find-a-file.md",
    files: example,
    async before(stack) {
      await startWithPassphrase(stack);
      await stack.sh("docker compose exec backup lifeboat backup");
    },
    async after(_stack, outputs) {
      assert.match(outputs[0] ?? "", / new .* barycenter\/private_key\.pem/);
      assert.match(outputs[1] ?? "", /\d+ added, \d+ removed, \d+ changed/);
    },
  },
  {
    page: "docs/how-to/restore-rows.md",
    files: example,
    async before(stack) {
      await startWithPassphrase(stack);
      await reachBarycenter(stack);
      await inBarycenter(stack, "INSERT INTO users VALUES ('s-1', 'alice', 'hash', NULL, 0, 1767225600, 1, 0, NULL)");
      await stack.sh("docker compose exec backup lifeboat backup");
      await inBarycenter(stack, "DELETE FROM users WHERE username = 'alice'");
    },
    async after(stack, outputs) {
      assert.match(outputs[0] ?? "", /users: 1 added[\s\S]*nothing was written/);
      await inBarycenter(
        stack,
        "INSERT INTO properties SELECT subject, 'found', 'x', 0 FROM users WHERE username = 'alice'",
      );
      const owners = await stack.sh("docker compose exec barycenter stat -c %u /app/data/barycenter.db");
      assert.equal(owners, "1000\n");
      await reachBarycenter(stack);
    },
  },
  {
    page: "docs/how-to/old-archives.md",
    files: {},
    async before(stack) {
      await makePassphrase(stack);
      await stack.sh(`
        mv passphrase.txt old-passphrase.txt && mkdir old data restored && mkdir -m 700 "$GNUPGHOME"
        echo secret > data/private_key.pem
        tar czf - -C data . | gpg --symmetric --cipher-algo AES256 --batch --pinentry-mode loopback \\
          --passphrase-file old-passphrase.txt > old/barycenter-20260214-020000.tar.gz.gpg
        tar czf - -C data . | openssl enc -aes-256-cbc -salt -pass file:old-passphrase.txt -out old/ssl_20231201_020000.tar.gz.enc
        echo rows | gzip > old/atheme_20231201_020000.db.gz`);
    },
    async after(stack) {
      assert.equal(
        await stack.sh("cat restored/barycenter/private_key.pem restored/ssl/private_key.pem"),
        "secret\nsecret\n",
      );
      assert.equal(await stack.sh("cat old/atheme_20231201_020000.db"), "rows\n");
    },
  },
  {
    page: "docs/design/archive-format.md",
    files: example,
    async before(stack) {
      await startWithPassphrase(stack);
      await stack.sh("docker compose exec backup lifeboat backup");
    },
    async after(_stack, outputs) {
      assert.equal(outputs.join().match(/: as sealed/g)?.length, 2);
      assert.match(outputs.join(), /all files as they were/);
    },
  },
  {
    page: "docs/how-to/hold-containers.md",
    files: example,
    before: startWithPassphrase,
    async after(stack, outputs) {
      assert.match(outputs[0] ?? "", /barycenter +.*Up/);
      const log = await stack.sh("docker compose logs backup");
      const { length } = [...(log + outputs.join()).matchAll(/succeeded/g)];
      assert(length >= 2, `two backups succeed:\n${log}`);
      await reachBarycenter(stack);
    },
  },
  {
    page: "docs/how-to/target-local.md",
    files: example,
    before: startWithPassphrase,
    async after(stack) {
      const modes = await stack.sh("stat -c %a backups/*");
      assert.equal(modes, "600\n600\n600\n");
    },
  },
  {
    page: "docs/how-to/target-s3.md",
    files: example,
    async before(stack) {
      await makePassphrase(stack);
      return await addS3(stack);
    },
    async byHand(stack, { language }) {
      if (language === "yaml") await stack.addComposeFile(addressOfS3);
    },
    async after(stack, outputs) {
      assert.match(outputs[0] ?? "", /on s3:my-backups\/stacks\/barycenter read: every byte/);
    },
  },
  {
    page: "docs/how-to/target-rclone.md",
    files: example,
    async before(stack) {
      await makePassphrase(stack);
      await addNas(stack);
    },
    byHand: installKey,
    async after(_stack, outputs) {
      assert.match(outputs.join(), /barycenter-\S+\.receipt\.json/);
    },
  },
  {
    page: "docs/how-to/target-rsync.md",
    files: example,
    async before(stack) {
      await makePassphrase(stack);
      await addNas(stack);
    },
    async byHand(stack, block) {
      await installKey(stack, block);
      if (block.language === "text") await allowOnNas(stack, block.text);
    },
    async after(stack, outputs) {
      assert.match(outputs.at(-1) ?? "", /2 backups/);
      const files = await stack.sh("docker compose exec nas ls /srv/backups");
      assert.equal(files.match(/receipt\.json/g)?.length, 2);
    },
  },
  {
    page: "docs/how-to/public-key.md",
    files: example,
    async before(stack) {
      await makePassphrase(stack);
      await stack.sh('mkdir -m 700 "$GNUPGHOME"');
    },
    async after(_stack, outputs) {
      assert.match(outputs.at(-1) ?? "", /private_key\.pem/);
    },
  },
  {
    page: "docs/how-to/run-as-user.md",
    files: example,
    before: makePassphrase,
    async after(stack) {
      assert.equal(await stack.sh("stat -c %u backups/* | sort -u"), "1000\n");
    },
  },
  {
    page: "docs/how-to/monitor.md",
    files: example,
    async before(stack) {
      await startWithPassphrase(stack);
      await stack.sh("docker compose exec backup lifeboat backup");
    },
    async after(stack) {
      const report = JSON.parse(await readFile(join(stack.folder, "report.json"), "utf8")) as { exitCode: number };
      assert.equal(report.exitCode, 0);
    },
  },
  {
    page: "docs/how-to/migrate-from-docker-volume-backup.md",
    files: {},
    async before(stack) {
      await stack.sh("mkdir backups data");
      const [env] = (await readBlocks("docs/how-to/migrate-from-docker-volume-backup.md")).filter(
        ({ language }) => language === "env",
      );
      await writeFile(join(stack.folder, "backup.env"), env?.text ?? "");
    },
    async after(_stack, outputs) {
      assert.match(outputs.join(), /BACKUP_RETENTION_DAYS +7 /);
    },
  },
  {
    page: "docs/how-to/postgres.md",
    files: { "docker-compose.yml": "test/docs/postgres.compose.yml" },
    before: makePassphrase,
    byHand: followBarycenterOnPostgres,
    async after(stack, outputs) {
      assert.match(outputs.join(), /\.databases\/db\/barycenter\.pgdump/);
      const before = await readFile(join(stack.folder, "clients.before"), "utf8");
      const now = new Set((await clientsOf(stack)).split("\n"));
      assert(before.length > 0 && before.split("\n").every((id) => now.has(id)), "a client is lost");
      assert.equal(await keyOf(stack), await readFile(join(stack.folder, "key.before"), "utf8"));
    },
  },
  {
    page: "docs/how-to/postgres-physical.md",
    files: { "docker-compose.yml": "test/docs/postgres.compose.yml" },
    before: makePassphrase,
    byHand: followBarycenterOnPostgres,
    async after(stack, outputs) {
      assert.match(outputs.join(), /\.databases\/db\/physical\/data\/PG_VERSION/);
      await until("the clients are back", async () => (await clientsOf(stack).catch(() => "")) !== "");
      const before = await readFile(join(stack.folder, "clients.before"), "utf8");
      const now = new Set((await clientsOf(stack)).split("\n"));
      assert(before.length > 0 && before.split("\n").every((id) => now.has(id)), "a client is lost");
    },
  },
  {
    page: "docs/how-to/restore-rows-postgres.md",
    files: {
      "docker-compose.yml": "test/docs/postgres.compose.yml",
      "docker-compose.labelled.yml": "test/docs/labelled-postgres.compose.yml",
    },
    async before(stack) {
      await startWithPassphrase(stack);
      await until("clients register", async () => (await clientsOf(stack).catch(() => "")) !== "");
      const psql = (sql: string) => stack.sh(`docker compose exec -T db psql -qU barycenter -c "${sql}"`);
      await psql("INSERT INTO clients VALUES ('alice', '2026-01-01')");
      await stack.sh("docker compose exec backup lifeboat backup");
      await psql("DELETE FROM clients WHERE client_id = 'alice'");
    },
    async byHand(stack, { text }) {
      const isThere = (await clientsOf(stack)).split("\n").includes("alice");
      assert.equal(isThere, text.endsWith("--yes\n"));
    },
    async after(_stack, outputs) {
      assert.match(outputs[0] ?? "", /clients: 1 added[\s\S]*\+ client_id alice[\s\S]*nothing was written/);
      assert.match(outputs[1] ?? "", /to undo it: \/var\/lib\/lifeboat\/rows\//);
    },
  },
  {
    page: "docs/how-to/irc-stack.md",
    files: {
      "docker-compose.yml": "test/e2e/irc/compose.yml",
      "docker-compose.override.yml": "docs/examples/docker-compose.irc.yml",
    },
    before: putIrcFiles,
    async after(stack, outputs) {
      assert.match(outputs.join(), / atheme\/services\.db/);
      assert.match(outputs.join(), /GRVER 1/);
      const restored = await readdir(join(stack.folder, "restored/today"));
      assert.deepEqual(restored.sort(), ["atheme", "conf", "env", "letsencrypt", "unrealircd"]);
      assert.equal((await stat(join(stack.folder, "data/atheme/services.db"))).uid, 1000);
    },
  },
];

/** Runs SQL that has to change a row on the live database, as the application would. */
async function inBarycenter(stack: Stack, sql: string): Promise<void> {
  const script =
    'const { DatabaseSync } = require("node:sqlite"); const db = new DatabaseSync("/app/data/barycenter.db");' +
    'db.exec("PRAGMA busy_timeout = 5000"); if (db.prepare(process.argv[1]).run().changes < 1) process.exit(9)';
  await stack.sh(`docker compose exec -T barycenter node -e '${script}' "$SQL"`, { SQL: sql });
}

async function makePassphrase(stack: Stack): Promise<void> {
  await stack.sh("(umask 077 && head -c 30 /dev/urandom | base64 > passphrase.txt)");
}

async function startWithPassphrase(stack: Stack): Promise<void> {
  await makePassphrase(stack);
  await stack.sh("docker compose up -d");
}

/** What was there before the backup is noted; once it is restored to a folder, all volumes are lost. */
async function followBarycenterOnPostgres(stack: Stack, { text }: { readonly text: string }): Promise<void> {
  if (text === "docker compose up -d\n") {
    await until("clients register", async () => (await clientsOf(stack).catch(() => "")) !== "");
    await writeFile(join(stack.folder, "clients.before"), await clientsOf(stack));
    await writeFile(join(stack.folder, "key.before"), await keyOf(stack));
  }
  if (text.includes("restore latest --to")) await stack.sh("docker compose down --volumes --timeout 1");
}

async function clientsOf(stack: Stack): Promise<string> {
  return (await stack.sh('docker compose exec db psql -qAtU barycenter -c "SELECT client_id FROM clients"')).trim();
}

async function keyOf(stack: Stack): Promise<string> {
  return await stack.sh("docker compose exec barycenter cat /app/data/private_key.pem");
}

/** Once the page has made a key, the other machine is told. */
async function installKey(stack: Stack, block: { readonly text: string }): Promise<void> {
  if (block.text.includes("ssh-keygen -q")) await allowOnNas(stack, "ssh-ed25519 AAAA… lifeboat");
}
