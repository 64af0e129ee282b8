import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Survey } from "../../../src/sources/findings.ts";
import type { FoundStore } from "../../../src/sources/stores.ts";
import { flawsOfStores } from "../../../src/run/backup/store-flaws.ts";
import { lookAtStores, usedBetween } from "../../../src/run/backup/stores-in-use.ts";
import { diary, engineHost, makeStack, never, obedient, until } from "../../quiesce/stack.ts";
import { postgresImages } from "../../servers/postgres.ts";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

const REDIS: FoundStore = { path: "redis", form: "folder", program: "Redis or Valkey (append-only files)" };
const PG: FoundStore = { path: "pg", form: "folder", program: "PostgreSQL" };

async function begin(t: TestContext) {
  const [stack, sandbox] = [await makeStack(t), await makeSandbox()];
  t.after(() => sandbox[Symbol.asyncDispose]());
  await put(sandbox, "redis/appendonly.aof.manifest");
  await put(sandbox, "pg/PG_VERSION");
  await put(sandbox, "pg/global/pg_control");
  const look = (store: FoundStore, docker = true) => {
    const files: Pick<Survey, "root" | "stores"> = { root: sandbox.data, stores: [store] };
    const quiescer = docker ? stack.quiescer() : stack.quiescer({ docker: undefined });
    return lookAtStores(files, { quiescer, log: diary() }, never);
  };
  const mount = (name: string, mode = "rw") => ({
    HostConfig: { Binds: [`${join(sandbox.data, name)}:/data:${mode}`], Init: true },
  });
  return { stack, sandbox, look, mount };
}

async function put({ data }: Sandbox, path: string, content = "x"): Promise<void> {
  await mkdir(join(data, path, ".."), { recursive: true });
  await writeFile(join(data, path), content);
}

async function sourceOf(sandbox: Sandbox): Promise<{ outcome: string; flaws: readonly string[] }> {
  const name = (await sandbox.stored()).filter((one) => one.endsWith(".receipt.json")).at(-1) ?? "";
  const receipt = JSON.parse(await readFile(join(sandbox.archive, name), "utf8")) as {
    sources: { kind: string; outcome: string; flaws: string[] }[];
  };
  return receipt.sources.find(({ kind }) => kind === "folder")!;
}

test("a store is in use while a container that may write to it is not at rest", async (t) => {
  const { stack, look, mount } = await begin(t);
  const reason = async (store: FoundStore) => (await look(store))[0]?.use?.because;
  await stack.add("reader", obedient, {}, mount("redis", "ro"));
  assert.equal(await reason(REDIS), undefined, "who may only read");
  await stack.add("redis", obedient, {}, mount("redis"));
  await stack.add("file-manager", obedient, {}, mount("."));
  assert.equal(await reason(REDIS), "user");
  const container = (await look(REDIS))[0]?.use?.users.map(({ container: name }) => name);
  assert.deepEqual(container, [stack.nameOf("redis")], "the nearest mount counts");
  await stack.docker((d) => d.getContainer(stack.nameOf("redis")).pause());
  assert.equal(await reason(REDIS), undefined, "paused");
  await stack.docker((d) => d.getContainer(stack.nameOf("redis")).unpause());
  await stack.docker((d) => d.getContainer(stack.nameOf("redis")).stop());
  assert.equal(await reason(REDIS), undefined, "stopped");
});

test("hooks before and after count as a hold; labels of another project do not, and are told of", async (t) => {
  const { stack, look, mount } = await begin(t);
  const hooks = { "lifeboat.before.exec": "true", "lifeboat.after.exec": "true" };
  await stack.add("redis", obedient, hooks, mount("redis"));
  assert.equal((await look(REDIS))[0]?.use, undefined);
  await stack.add("other", obedient, { ...hooks, "com.docker.compose.project": "else" }, mount("redis"));
  const looks = await look(REDIS);
  const [flaw] = flawsOfStores(usedBetween(looks, looks), true);
  assert.match(
    flaw ?? "",
    /in use by containers '.*-other-1'.*lifeboat\.hold=stop, and see that BACKUP_DOCKER_PROJECT/,
  );
});

test("PostgreSQL without its postmaster.pid is at rest, whoever has its folder; one that starts meanwhile is not", async (t) => {
  const { stack, sandbox, look, mount } = await begin(t);
  await stack.add("db", obedient, { "lifeboat.postgres": "true" }, mount("pg"));
  const before = await look(PG);
  assert.deepEqual(usedBetween(before, await look(PG)), []);
  await put(sandbox, "pg/postmaster.pid");
  const [flaw] = flawsOfStores(usedBetween(before, await look(PG)), true);
  assert.match(flaw ?? "", /^the data folder 'pg' of PostgreSQL is in use by container '.*-db-1'/);
  assert.match(flaw ?? "", /Its databases are dumped: leave its files out \(BACKUP_EXCLUDE=pg\)$/);
});

test("without a socket the files tell: a server's own mark, and that they change", async (t) => {
  const { sandbox, look } = await begin(t);
  await put(sandbox, "pg/postmaster.pid");
  const pg = await look(PG, false);
  const [killed] = flawsOfStores(usedBetween(pg, pg), false);
  assert.match(killed ?? "", /in use, as far as its files tell \('postmaster\.pid'\)/);
  assert.match(killed ?? "", /give the sidecar the Docker socket.*it was killed: start it once and end it in order$/);
  const before = await look(REDIS, false);
  assert.deepEqual(usedBetween(before, await look(REDIS, false)), []);
  await put(sandbox, "redis/appendonly.aof.1.incr.aof");
  const used = usedBetween(before, await look(REDIS, false));
  assert.match(flawsOfStores(used, false).join(), /^the data folder 'redis' of Redis .* is written to while/);
});

test("a backup of a PostgreSQL that runs is degraded; of one that is held or was ended, it is good", async (t) => {
  const { stack, sandbox } = await begin(t);
  await rm(join(sandbox.data, "pg"), { recursive: true });
  await stack.add(
    "db",
    "",
    { "lifeboat.hold": "stop" },
    {
      Image: postgresImages[17],
      Cmd: ["postgres", "-c", "fsync=off"],
      Env: ["POSTGRES_PASSWORD=x", "POSTGRES_INITDB_ARGS=--no-sync"],
      HostConfig: { Binds: [`${sandbox.data}/pg:/var/lib/postgresql/data`] },
    },
  );
  const ready = "pg_isready --quiet --host=127.0.0.1";
  await until(async () => ((await stack.run("db", ready)) === 0 ? true : undefined), 60_000);
  const backup = (project: string) =>
    sandbox.lifeboat(["backup"], {
      DOCKER_HOST: engineHost,
      BACKUP_DOCKER_PROJECT: project,
      BACKUP_COMPRESSION: "none",
    });

  const running = await backup("another");
  assert.equal(running.exitCode, 3, running.stderr);
  assert.match(
    running.stderr,
    /WARN.*data folder 'pg' of PostgreSQL is in use by container '.*-db-1'.*lifeboat\.hold=stop/,
  );
  const { outcome, flaws } = await sourceOf(sandbox);
  assert.equal(outcome, "flawed");
  assert.match(flaws.join(), /data folder 'pg' of PostgreSQL/);

  const held = await backup(stack.project);
  assert.equal(held.exitCode, 0, held.stderr);
  assert.equal((await sourceOf(sandbox)).outcome, "good");

  await stack.docker((d) => d.getContainer(stack.nameOf("db")).stop());
  assert.equal((await backup("none")).exitCode, 0, "ended, and nobody to ask");
});
