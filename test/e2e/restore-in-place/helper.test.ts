import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../../until.ts";
import { makeStack, type Stack } from "../stack.ts";

const OWN_HELPER =
  'docker ps --all --quiet --filter label=dev.lifeboat.helper --filter "volume=${COMPOSE_PROJECT_NAME}_data"';

const restoreWith = (failpoint: string) =>
  `docker compose exec -T -e LIFEBOAT_FAILPOINT=${failpoint} backup lifeboat restore latest --in-place --yes`;

/** A stack whose files are "now", and a backup of when they were `then`. */
async function begin(then = "then"): Promise<Stack> {
  const stack = await makeStack({ "docker-compose.yml": "test/e2e/restore-in-place/compose.yml" });
  await stack.sh("docker compose up -d --wait app; docker compose up -d");
  await put(stack, then);
  await stack.attempt("docker compose exec -T backup lifeboat backup");
  await put(stack, "now");
  await until("the application is well", () => isWell(stack));
  return stack;
}

async function put(stack: Stack, content: string): Promise<void> {
  await stack.sh(`docker compose exec -T app sh -c 'cd /data && for f in a b c; do echo ${content} >$f; done'`);
}

/** Every file says the same; nothing of a restore is left, and the application runs and is well. */
async function isAll(stack: Stack, content: string): Promise<void> {
  const files = "docker compose exec -T app sh -c 'cd /data && cat * && ls -A'";
  assert.equal(await stack.sh(files), `${content}\n`.repeat(3) + "a\nb\nc\n");
  assert.equal(await leftOvers(stack), "");
  await until("the application is well", () => isWell(stack));
}

async function leftOvers(stack: Stack): Promise<string> {
  const state = "docker compose exec -T backup find /var/lib/lifeboat -name 'in-place*' -o -name hold.json";
  return await stack.sh(`${state}; ${OWN_HELPER}`);
}

async function isWell(stack: Stack): Promise<boolean> {
  const health = "docker inspect --format '{{.State.Health.Status}}' $(docker compose ps -q app)";
  return (await stack.sh(health)).trim() === "healthy";
}

/** A restore of which a helper hangs half way, and the helper. */
async function hangInSwap(stack: Stack) {
  const restoring = stack.attempt(restoreWith("in-place:put-in-place:hang"));
  const isHalfDone = "docker compose exec -T backup sh -c 'ls -d /backup/data/.lifeboat-*/old/a'";
  await until("half of it is done", async () => (await stack.attempt(isHalfDone)).exitCode === 0);
  return { restoring, helper: (await stack.sh(OWN_HELPER)).trim() };
}

describe("the helper container of a restore in place", () => {
  it("that dies in the middle of the swap is followed by another, which puts the old data back", async () => {
    await using stack = await begin();
    for (const point of ["in-place:moved-aside", "in-place:put-in-place", "in-place:place-swapped"]) {
      const { exitCode, stdout, stderr } = await stack.attempt(restoreWith(`${point}:kill`));
      assert.equal(exitCode, 1, stdout + stderr);
      assert.match(stdout, /rolled back; everything is as it was: the helper container ended while it was to swap/);
      await isAll(stack, "now");
    }
    const { restoring, helper } = await hangInSwap(stack);
    await stack.sh(`docker kill ${helper}`);
    assert.equal((await restoring).exitCode, 1);
    await isAll(stack, "now");
  });

  it("that dies before anything live was touched leaves it untouched", async () => {
    await using stack = await begin();
    const { exitCode, stdout } = await stack.attempt(restoreWith("in-place:extracted:kill"));
    assert.equal(exitCode, 1);
    assert.match(stdout, /the helper container ended while it was to stage/);
    await isAll(stack, "now");
  });

  it("and its sidecar, killed at the same time, end in all-old on the next start", async () => {
    await using stack = await begin();
    const { restoring, helper } = await hangInSwap(stack);
    await stack.sh(`docker kill ${helper} $(docker compose ps -q backup)`);
    assert.notEqual((await restoring).exitCode, 0);
    await stack.sh("docker compose start backup");
    await until("it is ended", async () => (await leftOvers(stack)) === "");
    await isAll(stack, "now");
  });

  it("that dies on the way back is followed by another of the daemon's, without a restart", async () => {
    await using stack = await begin("red");
    const { exitCode, stdout } = await stack.attempt(restoreWith("in-place:new-taken-away:kill"));
    assert.equal(exitCode, 1);
    assert.match(stdout, /so did its undoing/);
    await until("it is ended", async () => (await leftOvers(stack)) === "");
    await isAll(stack, "now");
  });
});
