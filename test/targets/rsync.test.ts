import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { describeError, hintOf } from "../../src/errors.ts";
import { Secret } from "../../src/system/secret.ts";
import { openRsyncTarget, type RsyncOptions } from "../../src/targets/rsync.ts";
import { isTransient, RemovalForbiddenError } from "../../src/targets/target.ts";
import { targetContract } from "../contract/target-contract.ts";
import { freePort } from "../servers/ports.ts";
import { startSshServer, type SshServer } from "../servers/sshd.ts";
import { bodyIn, failureOf } from "./bodies.ts";
import { assertSecretsKept, recordPrograms } from "./recorded-programs.ts";
import { mountSmallDisk } from "./small-disk.ts";
import { never, targetTools, testFolder } from "./tools.ts";

const root = testFolder();
const tools = targetTools();
const programs = await recordPrograms(root, "rsync", "ssh");

async function optionsFor(server: SshServer, folder: string): Promise<RsyncOptions> {
  return {
    destination: `${server.user}@${server.host}:${folder}`,
    port: server.port,
    sshKey: new Secret(await readFile(server.clientKey, "utf8")),
    knownHosts: await readFile(server.knownHosts, "utf8"),
  };
}

async function started(access: Parameters<typeof startSshServer>[0]): Promise<SshServer> {
  const server = await startSshServer(access);
  after(async () => await server[Symbol.asyncDispose]());
  return server;
}

for (const access of ["shell", "rrsync"] as const) {
  const server = await started(access);
  targetContract(`rsync to a server with ${access}`, async () => {
    const folder = mkdtempSync(join(server.folder, "place-"));
    // rrsync shows its folder as the top.
    const remote = access === "shell" ? folder : folder.slice(server.folder.length);
    const options = await optionsFor(server, remote);
    const target = openRsyncTarget(options, tools);
    const slow = { ...target, name: target.name };
    return {
      target,
      slow: Object.assign(slow, {
        async put(...args: Parameters<typeof target.put>) {
          await programs.addArguments("rsync", ["--bwlimit=500"]);
          try {
            await target.put(...args);
          } finally {
            await programs.addArguments("rsync", []);
          }
        },
      }),
      notThereYet: openRsyncTarget({ ...options, destination: `${options.destination}/made` }, tools),
      everything: async () => (await readdir(folder)).filter((name) => name !== "made" && name !== ".lifeboat-partial"),
      putForeign: async (name) => await writeFile(join(folder, name), "foreign"),
      many: 12,
    };
  });
}
