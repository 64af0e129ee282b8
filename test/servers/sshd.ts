import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { signalDescendants } from "./descendants.ts";
import { freePort, portAnswers } from "./ports.ts";
import { run } from "./programs.ts";

/**
 * What the client's key may do on the server. Paths: the whole machine with "shell"; with the others, "/" and ""
 * both mean `SshServer.folder`.
 * "rrsync": rsync into `folder` and nothing else. "rrsync-append": the same, but only writing, only new files.
 * "sftp": sftp below `folder` and nothing else.
 */
export type SshAccess = "shell" | "rrsync" | "rrsync-append" | "sftp";

/** A real OpenSSH server on a loopback port, with keys of its own. Stopped and removed by disposal. */
export interface SshServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** An empty folder for what is sent to the server. */
  readonly folder: string;
  /** File with the client's private key. */
  readonly clientKey: string;
  /** File in known_hosts form with the host key the server started with. */
  readonly knownHosts: string;
  /** What the server has logged so far. */
  readonly log: () => string;
  /** Restarts the server under a new host key, as a machine in the middle would show it; `knownHosts` stays. */
  changeHostKey(): Promise<void>;
  /** Puts another key in the place of the client's, so that the one in `clientKey` is refused. */
  revokeClientKey(): Promise<void>;
  /** Stops the server's processes in their tracks (connections stay open, nothing answers) until `thaw`. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Kills every session under way, as a lost connection; the server goes on listening. */
  dropConnections(): Promise<void>;
  /** Ends the server: connections are refused until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Starts a server, with more lines of sshd_config if need be; resolves once it accepts connections. */
export async function startSshServer(access: SshAccess = "shell", ...more: readonly string[]): Promise<SshServer> {
  const home = await mkdtemp(join(tmpdir(), "lifeboat-sshd-"));
  const folder = join(home, "data");
  const [hostKey, clientKey, strangerKey] = ["host_key", "client_key", "stranger_key"].map((name) => join(home, name));
  await mkdir(folder);
  await Promise.all([makeKey(hostKey!), makeKey(clientKey!), makeKey(strangerKey!)]);
  const port = await freePort();
  const knownHosts = join(home, "known_hosts");
  await writeFile(knownHosts, `[127.0.0.1]:${port} ${await readFile(`${hostKey}.pub`, "utf8")}`);
  const authorizedKeys = join(home, "authorized_keys");
  const authorize = async (key: string) =>
    await writeFile(authorizedKeys, `${restriction(access, folder)}${await readFile(`${key}.pub`, "utf8")}`);
  await authorize(clientKey!);
  const config = join(home, "sshd_config");
  await writeFile(config, [...more, sshdConfig(port, hostKey!, authorizedKeys)].join("\n"));

  let log = "";
  let server: ChildProcess | undefined;
  const start = async () => {
    // Privilege separation wants this folder; a machine whose sshd never ran has none.
    if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
    const child = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", config], { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
    server = child;
    await portAnswers(port, 10_000, () => (child.exitCode === null ? undefined : `sshd ended:\n${log}`));
  };
  const stop = async () => {
    const child = server;
    server = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    await signalDescendants(child.pid!, "SIGKILL");
    child.kill("SIGKILL");
    await ended;
  };
  const signalAll = async (signal: NodeJS.Signals) => {
    server?.kill(signal);
    if (server) await signalDescendants(server.pid!, signal);
  };
  await start();
  return {
    host: "127.0.0.1",
    port,
    user: userInfo().username,
    folder,
    clientKey: clientKey!,
    knownHosts,
    log: () => log,
    async changeHostKey() {
      await stop();
      await Promise.all([rm(hostKey!), rm(`${hostKey}.pub`)]);
      await makeKey(hostKey!);
      await start();
    },
    revokeClientKey: async () => await authorize(strangerKey!),
    freeze: async () => await signalAll("SIGSTOP"),
    thaw: async () => await signalAll("SIGCONT"),
    dropConnections: async () => await signalDescendants(server!.pid!, "SIGKILL"),
    stop,
    start,
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function makeKey(path: string): Promise<void> {
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path]);
}

function restriction(access: SshAccess, folder: string): string {
  switch (access) {
    case "shell":
      return "";
    case "rrsync":
      return `restrict,command="rrsync -no-lock ${folder}" `;
    case "rrsync-append":
      return `restrict,command="rrsync -no-lock -wo -no-del -no-overwrite ${folder}" `;
    case "sftp":
      return `restrict,command="internal-sftp -d ${folder}" `;
  }
}

function sshdConfig(port: number, hostKey: string, authorizedKeys: string): string {
  return `ListenAddress 127.0.0.1
Port ${port}
HostKey ${hostKey}
AuthorizedKeysFile ${authorizedKeys}
PidFile none
AuthenticationMethods publickey
PermitRootLogin prohibit-password
UsePAM no
# The keys lie below the folder for temporary files, which everybody may write to.
StrictModes no
# Tests open many connections at once; the default refuses some of them at random from the tenth on.
MaxStartups 100
Subsystem sftp internal-sftp
`;
}
