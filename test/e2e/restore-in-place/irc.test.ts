import assert from "node:assert/strict";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { until } from "../../until.ts";
import { hasServices, logIn, register } from "../irc/client.ts";
import { putIrcFiles } from "../irc/stack.ts";
import { makeStack, withEngineSocket, type Stack } from "../stack.ts";

const RESTORE = "docker compose exec -T backup lifeboat restore latest --in-place --yes";

describe("a restore in place of an IRC network with services", () => {
  it("brings back the nicks of then, by stopping Atheme before the server it lives in", async () => {
    await using stack = await makeStack({ "docker-compose.yml": "test/e2e/irc/compose.yml" });
    await stack.addComposeFile(withEngineSocket(await readFile("docs/examples/docker-compose.irc.yml", "utf8")));
    await putIrcFiles(stack);
    await stack.sh("head -c 30 /dev/urandom | base64 > passphrase.txt; docker compose up -d");
    await until("the services are linked", () => hasServices(stack));
    await register(stack, "alice");
    const conf = join(stack.folder, ".env");
    const before = await readFile(conf, "utf8");
    await stack.sh("docker compose exec -T backup lifeboat backup");

    await register(stack, "mallory");
    const data = join(stack.folder, "data", "atheme");
    await stack.sh("docker compose kill --signal HUP atheme");
    await until("mallory is written down", async () => (await services(stack)).includes(" mallory "));
    await writeFile(join(data, "services.db.new"), "half of a save");
    await writeFile(conf, "PUID=damaged\n");

    const { exitCode, stdout, stderr } = await stack.attempt(RESTORE);
    assert.equal(exitCode, 0, stdout + stderr);
    assert.deepEqual(
      [...stderr.matchAll(/container '\S+-(atheme|unrealircd)-1' is stopped/g)].map(([, name]) => name),
      ["atheme", "unrealircd"],
    );
    await until("the services are linked again", () => hasServices(stack));
    await logIn(stack, "alice");
    assert.match(await services(stack), /^MU \S+ alice /m);
    assert.doesNotMatch(await services(stack), / mallory /);
    assert(!(await readdir(data)).includes("services.db.new"));
    assert.equal(await readFile(conf, "utf8"), before, "a mounted file has its content again");
    assert.equal((await stack.sh(`stat -c %u:%g:%a ${data} ${data}/services.db`)).split("\n")[0], "1000:1000:750");
    assert.equal(await stack.sh("find data src -name '.lifeboat-*'"), "");
  });
});

function services({ folder }: Stack): Promise<string> {
  return readFile(join(folder, "data/atheme/services.db"), "utf8");
}
