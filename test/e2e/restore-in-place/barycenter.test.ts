import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { reachBarycenter, type Barycenter } from "../barycenter.ts";
import { until } from "../../until.ts";
import { makeStack, withEngineSocket, type Stack } from "../stack.ts";

const MAKE_PASSPHRASE = "(umask 077 && head -c 30 /dev/urandom | base64 > passphrase.txt)";
const RESTORE = "docker compose exec -T backup lifeboat restore latest --in-place";

const WITH_SOCKET = withEngineSocket(`
services:
  backup: { volumes: ["/var/run/docker.sock:/var/run/docker.sock"] }
`);

/** Well only while its key set is there, and asked each second. */
const WITH_HEALTH = `
services:
  barycenter:
    healthcheck:
      test: ["CMD", "grep", "-q", "keys", "/app/data/jwks.json"]
      interval: 1s
      retries: 5
`;

async function startExample(...more: string[]): Promise<Stack> {
  const stack = await makeStack({ "docker-compose.yml": "docker-compose.example.yml" });
  for (const text of [WITH_SOCKET, ...more]) await stack.addComposeFile(text);
  await stack.sh(`${MAKE_PASSPHRASE}; docker compose up -d`);
  return stack;
}

/** What is there beside the application's own files. */
async function leftOvers(stack: Stack): Promise<string> {
  const volumes = "docker compose exec -T backup find /backup /var/lib/lifeboat";
  // Other tests have helpers of their own on the same engine.
  const ownVolume = '--filter "volume=${COMPOSE_PROJECT_NAME}_barycenter-data"';
  return await stack.sh(
    `${volumes} -name '.lifeboat-*' -o -name 'in-place*'; docker ps --all --quiet --filter label=dev.lifeboat.helper ${ownVolume}`,
  );
}

async function pictureOf(stack: Stack): Promise<string> {
  return await stack.sh(
    "docker compose exec -T backup sh -c 'cd /backup/barycenter && stat -c \"%n %u:%g %a\" . *.db *.json *.pem'",
  );
}

async function startsOf(stack: Stack): Promise<number> {
  return (await stack.sh("docker compose logs backup")).split("daemon started").length;
}

async function newClient(stack: Stack): Promise<{ barycenter: Barycenter; client: string }> {
  const barycenter = await reachBarycenter(stack);
  return { barycenter, client: await barycenter.register() };
}

describe("a restore in place of Barycenter, by a sidecar whose mounts are read-only", () => {
  it("brings back clients, key and key set, with their owners, and the stack is alive on them", async () => {
    await using stack = await startExample();
    const { barycenter, client } = await newClient(stack);
    const jwks = await barycenter.jwks();
    await stack.sh("docker compose exec -T backup lifeboat backup");
    const picture = await pictureOf(stack);
    const later = await barycenter.register();
    await stack.sh(
      "docker compose exec -T --user 0 barycenter sh -c 'rm data/private_key.pem; echo {} >data/jwks.json'",
    );

    const refused = await stack.attempt(RESTORE);
    assert.equal(refused.exitCode, 2, "nobody can be asked");
    await stack.sh(`${RESTORE} --dry-run`);
    assert(await barycenter.knows(later), "a dry run touches nothing");

    const { exitCode, stdout, stderr: told } = await stack.attempt(`${RESTORE} --yes`);
    assert.equal(exitCode, 0, stdout + told);
    assert.match(told, /barycenter-1' is stopped: it writes to what is replaced/);
    const after = await reachBarycenter(stack);
    assert.deepEqual(await after.jwks(), jwks);
    assert(await after.knows(client));
    assert(!(await after.knows(later)), "it is the state of then");
    await after.register();
    assert.equal(await pictureOf(stack), picture);
    assert.equal(await leftOvers(stack), "");
  });

  it("goes back to what was there, newest rows included, when the stack is not well on what was restored", async () => {
    await using stack = await startExample(WITH_HEALTH);
    await newClient(stack);
    await stack.sh("docker compose exec -T --user 0 barycenter sh -c 'echo {} >data/jwks.json'");
    await stack.attempt("docker compose exec -T backup lifeboat backup");
    await stack.sh("docker compose exec -T --user 0 barycenter rm data/jwks.json; docker compose restart barycenter");
    const { client } = await newClient(stack);
    const healthy = "docker inspect --format '{{.State.Health.Status}}' $(docker compose ps -q barycenter)";
    await until("it is healthy again", async () => (await stack.sh(healthy)).trim() === "healthy");

    const { exitCode, stdout, stderr } = await stack.attempt(`${RESTORE} --yes --keep-old`);
    assert.equal(exitCode, 1, stdout + stderr);
    assert.match(stdout, /rolled back; everything is as it was: .*(is|runs, but is) unhealthy/);
    const after = await reachBarycenter(stack);
    assert(await after.knows(client), "the newest rows are there");
    assert.equal((await stack.sh(healthy)).trim(), "healthy");
    const failed = await stack.sh("docker compose exec -T backup find /backup -path '*/.lifeboat-*/failed/*'");
    assert.match(failed, /jwks\.json/, "what failed is kept to look at");
  });

  it("after the restore was killed at any step is all-old or all-new on the next start", async () => {
    await using stack = await startExample();
    const { client } = await newClient(stack);
    await stack.sh("docker compose exec -T backup lifeboat backup");
    for (const [point, isNew] of [
      ["in-place:staged", false],
      ["in-place:swapping", false],
      ["in-place:swapped", true],
      ["in-place:released", true],
      ["in-place:finishing", true],
    ] as const) {
      const later = (await newClient(stack)).client;
      const killed = await stack.attempt(RESTORE.replace("-T", `-T -e LIFEBOAT_FAILPOINT=${point}:kill`) + " --yes");
      assert.equal(killed.exitCode, 137, killed.stderr);
      const starts = await startsOf(stack);
      await stack.sh("docker compose restart --timeout 0 backup");
      await until("the sidecar has ended what was begun", async () => (await startsOf(stack)) > starts, 60_000);
      const after = await reachBarycenter(stack);
      assert(await after.knows(client), point);
      assert.equal(await after.knows(later), !isNew, point);
      assert.equal(await leftOvers(stack), "");
    }
  });

  it("into new, empty volumes on an engine that has nothing but image, backups and passphrase", async () => {
    await using stack = await startExample();
    const { barycenter, client } = await newClient(stack);
    const jwks = await barycenter.jwks();
    await stack.sh("docker compose exec -T backup lifeboat backup");
    const picture = await pictureOf(stack);
    await stack.sh("docker compose down --volumes; docker compose create; docker compose start backup");
    assert.match(await stack.sh("docker compose exec -T backup lifeboat list"), /full/);
    await stack.sh(`${RESTORE} --yes`);
    await stack.sh("docker compose up -d");
    const after = await reachBarycenter(stack);
    assert(await after.knows(client));
    assert.deepEqual(await after.jwks(), jwks);
    assert.equal(await pictureOf(stack), picture);

    const elsewhere = `docker run --rm -v "$PWD/backups:/archive:ro" -v "$PWD/passphrase.txt:/run/secrets/p:ro" \
      -e GPG_PASSPHRASE_FILE=/run/secrets/p -e BACKUP_NAME=barycenter -v "$PWD/other:/backup/other" lifeboat:dev`;
    const gone = await stack.attempt(`${elsewhere} restore latest --in-place --yes`);
    assert.equal(gone.exitCode, 1);
    assert.match(gone.stdout, /nothing is mounted for 'barycenter' of the backup/);
  });

  it("says which mounts it would need where there is no Docker socket", async () => {
    await using stack = await makeStack({ "docker-compose.yml": "docker-compose.example.yml" });
    await stack.sh(`${MAKE_PASSPHRASE}; docker compose up -d`);
    const { client, barycenter } = await newClient(stack);
    await stack.sh("docker compose exec -T backup lifeboat backup");
    const { exitCode, stdout } = await stack.attempt(`${RESTORE} --yes`);
    assert.equal(exitCode, 1);
    assert.match(
      stdout,
      /'\/backup\/barycenter' is mounted read-only[^]*Mount these writable.*\/backup\/barycenter; or/,
    );
    assert(await barycenter.knows(client));
  });
});
