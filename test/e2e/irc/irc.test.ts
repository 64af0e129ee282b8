import assert from "node:assert/strict";
import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readBlocks } from "../../docs/page.ts";
import { until } from "../../until.ts";
import { checkout, makeStack, withEngineSocket, type Stack } from "../stack.ts";
import { hasServices, logIn, register } from "./client.ts";
import { putIrcFiles } from "./stack.ts";

/** Ample, also where other tests keep the machine busy. */
const PATIENCE_MS = 60_000;

const PAGE = "docs/how-to/irc-stack.md";

describe("the IRC example", () => {
  it("saves a nick that was registered a moment ago, and nobody notices", async () => {
    await using stack = await makeIrc();
    await startIrc(stack);
    await register(stack, "alice");
    assert(!(await readServices(stack, "data")).includes(" alice "), "Atheme has not written it down by itself");
    const started = await startTimes(stack);

    await stack.sh("docker compose exec -T backup lifeboat backup");
    assert.deepEqual(await startTimes(stack), started, "no container was restarted");
    await restore(stack);
    assert.match(await readServices(stack, "restored/today"), /^MU \S+ alice /m);
    const link = join(stack.folder, "restored/today/letsencrypt/live/example.test/privkey.pem");
    assert.equal(await readlink(link), "../../archive/example.test/privkey1.pem");
    const left = await stack.sh("find restored -name '*.pid' -o -name '*.new'");
    assert.equal(left, "", "what only a running server needs is left out");
  });

  it("stops Atheme before the server it lives in and starts it after, and both are linked again", async () => {
    await using stack = await makeIrc();
    await startIrc(stack);
    const [hold] = (await readBlocks(PAGE)).filter(({ language }) => language === "yaml");
    await stack.addComposeFile(hold?.text ?? "");
    await stack.sh("docker compose up -d");
    await until("the services are linked", () => hasServices(stack), PATIENCE_MS);
    await register(stack, "bob");

    const began = Date.now() / 1000;
    await stack.sh("docker compose exec -T backup lifeboat backup");
    assert.deepEqual(await events(stack, began), ["atheme die", "unrealircd die", "unrealircd start", "atheme start"]);
    await until("the services are linked again", () => hasServices(stack), PATIENCE_MS);
    await logIn(stack, "bob");
    await restore(stack);
    assert.match(await readServices(stack, "restored/today"), /^MU \S+ bob /m);
  });
});

const makeIrc = () => makeStack({ "docker-compose.yml": "test/e2e/irc/compose.yml" });

async function startIrc(stack: Stack): Promise<void> {
  await stack.addComposeFile(
    withEngineSocket(await readFile(join(checkout, "docs/examples/docker-compose.irc.yml"), "utf8")),
  );
  await putIrcFiles(stack);
  await stack.sh("head -c 30 /dev/urandom | base64 > passphrase.txt; docker compose up -d");
  await until("the services are linked", () => hasServices(stack), PATIENCE_MS);
  // Every five minutes it would do so by itself.
  await stack.sh("docker compose kill --signal HUP atheme");
  await until("Atheme has written its database", () => readServices(stack, "data").catch(() => ""));
}

async function restore(stack: Stack): Promise<void> {
  const command = (await readBlocks(PAGE)).find(({ text }) => text.includes("restore latest"));
  await stack.sh(command?.text ?? "");
}

function readServices({ folder }: Stack, below: string): Promise<string> {
  return readFile(join(folder, below, "atheme/services.db"), "utf8");
}

async function startTimes(stack: Stack): Promise<string> {
  return await stack.sh("docker inspect --format '{{.State.StartedAt}}' $(docker compose ps -q unrealircd atheme)");
}

/** What happened to the two since then, in order: "atheme die". */
async function events(stack: Stack, since: number): Promise<readonly string[]> {
  const label = "com.docker.compose";
  const format = `{{index .Actor.Attributes "${label}.service"}} {{.Action}}`;
  const filters = `--filter label=${label}.project=$COMPOSE_PROJECT_NAME --filter event=die --filter event=start`;
  const until = Date.now() / 1000 + 1;
  const lines = await stack.sh(`docker events --since ${since} --until ${until} ${filters} --format '${format}'`);
  return lines.split("\n").filter((line) => /^(atheme|unrealircd) /.test(line));
}
