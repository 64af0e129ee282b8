import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { describe, it } from "node:test";
import { readBlocks } from "../../docs/page.ts";
import { until } from "../../until.ts";
import { reachBarycenter } from "../barycenter.ts";
import { engineSocket, makeStack, withEngineSocket, type Stack } from "../stack.ts";

const MAKE_PASSPHRASE = "(umask 077 && head -c 30 /dev/urandom | base64 > passphrase.txt)";

/** The command stays the image's own; asked each second instead of each minute. */
const QUICK_HEALTH = "services: { backup: { healthcheck: { interval: 1s } } }\n";

const asUser1000 = (groupOfSocket: number) => `
services:
  barycenter: { labels: { lifeboat.hold: stop } }
  backup:
    user: "1000:1000"
    group_add: ["${groupOfSocket}"]
    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
`;

/** Ample, also where other tests keep the machine busy. */
const PATIENCE_MS = 60_000;

const makeExample = () => makeStack({ "docker-compose.yml": "docker-compose.example.yml" });

describe("the compose example", () => {
  it("brings back clients, key and key set after the volume is lost, by the documented steps", async () => {
    await using stack = await makeExample();
    await stack.addComposeFile(QUICK_HEALTH);
    await stack.sh(`${MAKE_PASSPHRASE}; docker compose up -d`);
    const before = await reachBarycenter(stack);
    const client = await before.register();
    const jwks = await before.jwks();
    const key = await stack.sh("docker compose exec -T barycenter cat data/private_key.pem");
    await stack.sh("docker compose exec -T backup lifeboat backup");
    await isHealthy(stack);

    await stack.sh(
      "docker compose down; docker volume rm ${COMPOSE_PROJECT_NAME}_barycenter-data; docker compose up -d",
    );
    const lost = await reachBarycenter(stack);
    assert.equal(await lost.knows(client), false, "it really was lost");

    const [, restore, putBack] = await commandsOf("docs/how-to/restore.md");
    await stack.sh(`${restore}${putBack}`);
    const after = await reachBarycenter(stack);
    assert.equal(await after.knows(client), true);
    assert.deepEqual(await after.jwks(), jwks);
    assert.equal(await stack.sh("docker compose exec -T barycenter cat data/private_key.pem"), key);
    assert.equal(await after.issuer(), "http://localhost:8080");
    await after.register();
    assert.equal(await exitCodeAfterStop(stack), 0, "nothing was under way");
  });

  it("works as user 1000 as well, also with the engine's socket", async () => {
    await using stack = await makeExample();
    await stack.addComposeFile(QUICK_HEALTH);
    await stack.addComposeFile(withEngineSocket(asUser1000((await stat(engineSocket)).gid)));
    await stack.sh(`${MAKE_PASSPHRASE}; mkdir backups; chown 1000:1000 backups passphrase.txt; docker compose up -d`);
    await reachBarycenter(stack);
    await stack.sh("docker compose exec -T backup lifeboat backup 2>&1 | grep 'containers released'");
    await stack.sh("docker compose exec -T backup lifeboat verify latest --read");
    assert.equal(await stack.sh("stat -c %u:%a backups/*"), "1000:600\n1000:600\n1000:600\n");
    await isHealthy(stack);
  });

  for (const step of ["backup:held", "ship:archive"]) {
    it(`stopped at ${step}, ends in order within its grace period`, async () => {
      await using stack = await makeExample();
      await stack.addComposeFile(holdingAndHangingAt(step));
      await stack.sh(`${MAKE_PASSPHRASE}; docker compose up -d`);
      await until(`the run stands still at ${step}`, () =>
        step === "backup:held" ? isDown(stack) : hasArchive(stack),
      );

      const began = performance.now();
      assert.equal(await exitCodeAfterStop(stack), 143);
      assert(performance.now() - began < 60_000, "long before the two minutes are over");
      assert.equal(await isDown(stack), false, "the container is back");
      assert.equal(await stack.sh("ls -A backups"), "", "nothing half-done is left on the target");
      const state = "docker compose run --rm --no-deps --entrypoint find backup /var/lib/lifeboat -name '*.gpg'";
      assert.equal(await stack.sh(state), "", "nor in the spool");
    });
  }
});

function holdingAndHangingAt(step: string): string {
  return withEngineSocket(`
services:
  barycenter: { labels: { lifeboat.hold: stop } }
  backup:
    environment: { BACKUP_ON_START: "true", LIFEBOAT_FAILPOINT: "${step}:hang" }
    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
`);
}

async function isDown(stack: Stack): Promise<boolean> {
  return (await stack.sh("docker compose ps --all --format '{{.State}}' barycenter")).trim() === "exited";
}

async function hasArchive(stack: Stack): Promise<boolean> {
  return (await stack.sh("ls backups")).includes(".tar.zst.gpg");
}

async function isHealthy(stack: Stack): Promise<void> {
  const health = "docker inspect --format '{{.State.Health.Status}}' $(docker compose ps -q backup)";
  await until("the sidecar is healthy", async () => (await stack.sh(health)).trim() === "healthy", PATIENCE_MS);
}

async function exitCodeAfterStop(stack: Stack): Promise<number> {
  return Number(
    await stack.sh(
      "id=$(docker compose ps -q backup); docker compose stop backup; docker inspect --format '{{.State.ExitCode}}' $id",
    ),
  );
}

async function commandsOf(page: string): Promise<readonly string[]> {
  return (await readBlocks(page)).filter(({ language }) => language === "sh").map(({ text }) => text);
}
