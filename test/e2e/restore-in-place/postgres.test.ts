import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../../until.ts";
import { makeStack, withEngineSocket, type Stack } from "../stack.ts";

const RESTORE = "docker compose exec -T backup lifeboat restore latest --in-place --yes";

const WITH_LABEL = withEngineSocket(`
services:
  db: { labels: { lifeboat.postgres: "true" } }
  backup: { volumes: ["/var/run/docker.sock:/var/run/docker.sock"] }
`);

/** Well only while its database has no table of that name. */
const WITH_HEALTH = `
services:
  barycenter:
    healthcheck:
      test: [CMD-SHELL, "psql -qAtc \\"SELECT to_regclass('poison')\\" | grep -q '^$$'"]
      interval: 1s
      retries: 3
`;

async function startStack(...more: string[]): Promise<Stack> {
  const stack = await makeStack({ "docker-compose.yml": "test/docs/postgres.compose.yml" });
  for (const text of [WITH_LABEL, ...more]) await stack.addComposeFile(text);
  await stack.sh("(umask 077 && head -c 30 /dev/urandom | base64 > passphrase.txt); docker compose up -d");
  await until("clients register", async () => (await clientsOf(stack).catch(() => [])).length > 3);
  return stack;
}

async function sql(stack: Stack, text: string): Promise<string> {
  return (await stack.sh('docker compose exec -T db psql -qAtU barycenter -c "$SQL"', { SQL: text })).trim();
}

async function clientsOf(stack: Stack): Promise<readonly string[]> {
  return (await sql(stack, "SELECT client_id FROM clients")).split("\n").filter(Boolean);
}

async function keyOf(stack: Stack): Promise<string> {
  return await stack.sh("docker compose exec -T barycenter cat /app/data/private_key.pem");
}

async function databasesOf(stack: Stack): Promise<string> {
  return await sql(stack, "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate");
}

describe("a restore in place of a Barycenter on PostgreSQL, by a sidecar whose mounts are read-only", () => {
  it("brings back its clients and its key while the server runs on, and the stack is alive on them", async () => {
    await using stack = await startStack();
    const [clients, key] = [await clientsOf(stack), await keyOf(stack)];
    await stack.sh("docker compose exec -T backup lifeboat backup");
    await sql(stack, "DELETE FROM clients");
    await stack.sh("docker compose exec -T barycenter sh -c 'echo other >/app/data/private_key.pem'");
    const started = "docker inspect --format '{{.State.StartedAt}}' $(docker compose ps -q db)";
    const before = await stack.sh(started);

    const { exitCode, stdout, stderr } = await stack.attempt(RESTORE);
    assert.equal(exitCode, 0, stdout + stderr);
    assert.match(stderr, /barycenter-1' is stopped: it (writes to what|uses a database that) is replaced/);
    assert.match(stderr, /database 'barycenter' of PostgreSQL server 'db': .* is replaced by a dump of/);
    const now = new Set(await clientsOf(stack));
    assert(
      clients.every((id) => now.has(id)),
      "a client is lost",
    );
    assert.equal(await keyOf(stack), key);
    assert.equal(await stack.sh(started), before, "the server was not stopped");
    assert.equal(await databasesOf(stack), "barycenter postgres");
    await until("clients register", async () => (await clientsOf(stack)).length > now.size);
  });

  it("goes back to the old database, newest rows included, when the stack is not well on what was restored", async () => {
    await using stack = await startStack(WITH_HEALTH);
    await sql(stack, "CREATE TABLE poison (x int)");
    await stack.sh("docker compose exec -T backup lifeboat backup");
    await sql(stack, "DROP TABLE poison");
    const healthy = "docker inspect --format '{{.State.Health.Status}}' $(docker compose ps -q barycenter)";
    await until("it is healthy", async () => (await stack.sh(healthy)).trim() === "healthy", 60_000);
    const clients = await clientsOf(stack);

    const { exitCode, stdout, stderr } = await stack.attempt(`${RESTORE} --only .databases`);
    assert.equal(exitCode, 1, stdout + stderr);
    assert.match(stderr, /barycenter-1' is stopped: it uses a database that is replaced/);
    assert.match(stdout, /rolled back; everything is as it was: .*(is|runs, but is) unhealthy/);
    const now = new Set(await clientsOf(stack));
    assert(
      clients.every((id) => now.has(id)),
      "the newest rows are there",
    );
    assert.equal(await databasesOf(stack), "barycenter postgres");
    assert.equal((await stack.sh(healthy)).trim(), "healthy");
  });

  it("after the restore was killed is all-old or all-new on the next start of the sidecar", async () => {
    await using stack = await startStack();
    const key = await keyOf(stack);
    await stack.sh("docker compose exec -T backup lifeboat backup");
    for (const [point, isNew] of [
      ["in-place:databases-swapped", false],
      ["in-place:swapped", true],
    ] as const) {
      await sql(stack, `INSERT INTO clients (client_id) VALUES ('${point}')`);
      await stack.sh("docker compose exec -T barycenter sh -c 'echo other >/app/data/private_key.pem'");
      const killed = await stack.attempt(RESTORE.replace("-T", `-T -e LIFEBOAT_FAILPOINT=${point}:kill`));
      assert.equal(killed.exitCode, 137, killed.stderr);
      const starts = async () => (await stack.sh("docker compose logs backup")).split("daemon started").length;
      const before = await starts();
      await stack.sh("docker compose restart --timeout 0 backup");
      await until("the sidecar has ended what was begun", async () => (await starts()) > before, 60_000);
      const clients = await clientsOf(stack);
      assert.equal(clients.includes(point), !isNew, point);
      assert.equal((await keyOf(stack)) === key, isNew, point);
      assert.equal(await databasesOf(stack), "barycenter postgres");
      await until("clients register", async () => (await clientsOf(stack)).length > clients.length);
    }
  });

  it("brings everything back on an engine that has nothing but image, backups and passphrase", async () => {
    await using stack = await startStack();
    const [clients, key] = [await clientsOf(stack), await keyOf(stack)];
    await stack.sh("docker compose exec -T backup lifeboat backup; docker compose down --volumes --timeout 1");
    await stack.sh("docker compose create; docker compose up --detach --wait db; docker compose start backup");
    const { exitCode, stdout, stderr } = await stack.attempt(RESTORE);
    assert.equal(exitCode, 0, stdout + stderr);
    await stack.sh("docker compose up -d");
    const now = new Set(await clientsOf(stack));
    assert(
      clients.every((id) => now.has(id)),
      "a client is lost",
    );
    assert.equal(await keyOf(stack), key);
    await until("clients register", async () => (await clientsOf(stack)).length > now.size);
  });

  it("refuses to bring a database from its dump and from its files at once", async () => {
    await using stack = await startStack(`
services:
  backup: { volumes: ["postgres-data:/backup/postgres:ro"] }
`);
    await stack.attempt("docker compose exec -T backup lifeboat backup");
    const { exitCode, stdout } = await stack.attempt(RESTORE);
    assert.equal(exitCode, 1, stdout);
    assert.match(stdout, /the server 'db' would be stopped, so its databases cannot be put back/);
    await stack.sh(`${RESTORE} --only .databases barycenter`);
    assert.equal(await databasesOf(stack), "barycenter postgres");
  });
});
