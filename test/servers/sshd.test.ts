import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startSshServer, type SshServer } from "./sshd.ts";

describe("the ssh server of the tests", () => {
  test("takes files by rsync from the holder of its key", async () => {
    await using server = await startSshServer();
    await send(server, `${server.folder}/sent`);
    assert.equal(await readFile(join(server.folder, "sent"), "utf8"), "content");
  });

  test("keeps an rrsync key inside its folder and away from a shell", async () => {
    await using server = await startSshServer("rrsync");
    await send(server, "/sent");
    assert.equal(await readFile(join(server.folder, "sent"), "utf8"), "content");
    await assert.rejects(execute("ssh", [...sshOptions(server), "127.0.0.1", "id"]));
  });

  test("shows another host key when asked to, and the client turns away", async () => {
    await using server = await startSshServer();
    await server.changeHostKey();
    await assert.rejects(send(server, `${server.folder}/sent`), /REMOTE HOST IDENTIFICATION HAS CHANGED/);
  });

  test("refuses a key that was revoked", async () => {
    await using server = await startSshServer();
    await server.revokeClientKey();
    await assert.rejects(send(server, `${server.folder}/sent`), /Permission denied \(publickey\)/);
  });

  test("answers nothing while frozen, and goes on after", async () => {
    await using server = await startSshServer();
    await server.freeze();
    await assert.rejects(
      execute("ssh", [...sshOptions(server), "-oConnectTimeout=1", "127.0.0.1", "true"]),
      /timed out/,
    );
    await server.thaw();
    await execute("ssh", [...sshOptions(server), "127.0.0.1", "true"]);
  });

  test("drops the connections it has when asked to, and takes new ones", async () => {
    await using server = await startSshServer();
    const session = execute("ssh", [...sshOptions(server), "127.0.0.1", `touch ${server.folder}/there; sleep 60`]);
    const lost = assert.rejects(session, /closed|reset/i);
    while (!existsSync(join(server.folder, "there"))) await delay(20);
    await server.dropConnections();
    await lost;
    await execute("ssh", [...sshOptions(server), "127.0.0.1", "true"]);
  });
});

async function send(server: SshServer, destination: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lifeboat-send-"));
  try {
    const file = join(folder, "sent");
    await writeFile(file, "content");
    await execute("rsync", ["-e", ["ssh", ...sshOptions(server)].join(" "), file, `127.0.0.1:${destination}`]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function sshOptions(server: SshServer): string[] {
  return [
    ...["-F", "none", "-p", String(server.port), "-l", server.user, "-i", server.clientKey],
    ...["-oBatchMode=yes", "-oStrictHostKeyChecking=yes", `-oUserKnownHostsFile=${server.knownHosts}`],
  ];
}

async function execute(program: string, args: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    execFile(program, args, (error, _stdout, stderr) => (error ? reject(new Error(stderr)) : resolve()));
  });
}
