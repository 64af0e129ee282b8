import { mkdtempSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { Secret } from "../../src/system/secret.ts";
import { PARTIAL_FOLDER } from "../../src/targets/rsync-connection.ts";
import { openRsyncTarget, type RsyncOptions, type RsyncTools } from "../../src/targets/rsync.ts";
import type { Target } from "../../src/targets/target.ts";
import type { Place } from "../contract/target-contract.ts";
import { startSshServer, type SshAccess, type SshServer } from "../servers/sshd.ts";
import type { RecordedPrograms } from "./recorded-programs.ts";

/** A server that is stopped when the tests of this file have run. */
export async function serverFor(access: SshAccess, ...more: readonly string[]): Promise<SshServer> {
  const server = await startSshServer(access, ...more);
  after(async () => await server[Symbol.asyncDispose]());
  return server;
}

/** The settings of a target in `folder` of the server, as its client sees that folder. */
export async function optionsFor(server: SshServer, folder: string): Promise<RsyncOptions> {
  return {
    destination: `${server.user}@${server.host}:${folder}`,
    port: server.port,
    sshKey: new Secret(await readFile(server.clientKey, "utf8")),
    knownHosts: await readFile(server.knownHosts, "utf8"),
  };
}

/** A fresh folder on the server, for the contract. `top` is what the server shows as "/". */
export async function rsyncPlace(
  server: SshServer,
  top: string,
  tools: RsyncTools,
  programs: RecordedPrograms,
): Promise<Place> {
  const folder = mkdtempSync(join(server.folder, "place-"));
  const options = await optionsFor(server, folder.slice(top.length));
  const target = openRsyncTarget(options, tools);
  return {
    target,
    slow: withSlowPut(target, programs),
    notThereYet: openRsyncTarget({ ...options, destination: `${options.destination}/made` }, tools),
    async everything() {
      const found = await readdir(folder, { recursive: true });
      return found.filter((name) => !name.startsWith("made") && name !== PARTIAL_FOLDER);
    },
    partialName: (key) => `${PARTIAL_FOLDER}/.${key}.a1B2c3`,
    async putForeign(name) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), "foreign");
    },
    killSender: () => programs.kill("rsync"),
    async overtake(key, content, body) {
      await programs.before("rsync", "--ignore-existing", `printf '%s' "${content}" >'${join(folder, key)}'`);
      return body;
    },
    many: 6,
  };
}

/** The target itself, whose rsync is told to crawl while it puts. */
function withSlowPut(target: Target, programs: RecordedPrograms): Target {
  return {
    name: target.name,
    check: target.check.bind(target),
    digest: target.digest.bind(target),
    fetch: target.fetch.bind(target),
    readSmall: target.readSmall.bind(target),
    list: target.list.bind(target),
    remove: target.remove.bind(target),
    sweep: target.sweep.bind(target),
    async put(...args) {
      await programs.addArguments("rsync", ["--bwlimit=500"]);
      try {
        await target.put(...args);
      } finally {
        await programs.addArguments("rsync", []);
      }
    },
  };
}
