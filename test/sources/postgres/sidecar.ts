import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { checkout, engineSocket } from "../../e2e/stack.ts";
import { removalLabel } from "../../servers/checkout.ts";
import { startPostgres, type Major, type PostgresServer } from "../../servers/postgres.ts";
import { docker } from "../../servers/programs.ts";

export interface Ended {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export type Settings = Readonly<Record<string, string>>;

interface ServerOptions {
  readonly labels?: Settings;
  readonly mounts?: readonly string[];
  readonly env?: Settings;
}

/** The image, with the sources of the checkout in it, in a network with servers; its folders are on the host as well. */
export interface Sidecar extends AsyncDisposable {
  readonly network: string;
  /** On the host; /x for the sidecar and for servers that mount it. */
  readonly folder: string;
  server(major: Major, name: string, more?: ServerOptions): Promise<PostgresServer>;
  /** Runs `lifeboat ...args` to its end. */
  lifeboat(args: readonly string[], settings?: Settings): Promise<Ended>;
  /** Backs up with the settings; fails unless it ends with `exitCode`. Gives all that was said. */
  backup(settings: Settings, exitCode?: number): Promise<string>;
  sh(script: string): Promise<Ended>;
  /** Puts a program of this name before the image's own. */
  shadow(program: string, script: string): Promise<void>;
  unshadow(): Promise<void>;
  stored(): Promise<readonly string[]>;
  /** Of the newest receipt. */
  sources(): Promise<readonly Source[]>;
}

export interface Source {
  readonly kind: string;
  readonly name: string;
  readonly outcome: string;
  readonly flaws: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
}

export async function startSidecar(): Promise<Sidecar> {
  const network = `lb-pg-${randomBytes(4).toString("hex")}`;
  const folder = await mkdtemp(join(tmpdir(), `${network}-`));
  for (const name of ["archive", "data", "state", "bin"]) await mkdir(join(folder, name));
  await writeFile(join(folder, "passphrase"), randomBytes(24).toString("hex"), { mode: 0o600 });
  await writeFile(join(folder, "data", "private_key.pem"), '{"kty":"RSA"}\n');
  await docker("network", "create", network);
  const container = `${network}-sidecar`;
  await docker(
    ...["run", "--detach", "--init", "--name", container, "--network", network, "--label", removalLabel],
    ...["--label", `com.docker.compose.project=${network}`, "--no-healthcheck"],
    ...["--volume", `${checkout}:/checkout:ro`, "--volume", `${folder}:/x`],
    ...["--volume", `${engineSocket}:/var/run/docker.sock`],
    ...["--entrypoint", "sleep", "lifeboat:dev", "infinity"],
  );
  const servers: PostgresServer[] = [];
  const settings = {
    PATH: "/x/bin:/usr/local/bin:/usr/bin:/bin",
    BACKUP_NAME: "stack",
    BACKUP_SOURCES: "/x/data",
    BACKUP_ARCHIVE: "/x/archive",
    BACKUP_STATE: "/x/state",
    GPG_PASSPHRASE_FILE: "/x/passphrase",
    BACKUP_DOCKER_PROJECT: "none",
    LOG_LEVEL: "debug",
  };
  const exec = async (env: Settings, command: readonly string[]): Promise<Ended> => {
    const options = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
    const ended = await execa("docker", ["exec", ...options, container, ...command], {
      reject: false,
      timeout: 120_000,
    });
    return { exitCode: ended.exitCode, stdout: ended.stdout, stderr: ended.stderr };
  };
  const lifeboat: Sidecar["lifeboat"] = (args, more = {}) =>
    exec({ ...settings, ...more }, ["node", "/checkout/src/main.ts", ...args]);
  const stored = async () => (await readdir(join(folder, "archive"))).sort();
  return {
    network,
    folder,
    lifeboat,
    stored,
    async server(major, name, more = {}) {
      const server = await startPostgres(major, { network, name, ...more });
      servers.push(server);
      return server;
    },
    async backup(more, exitCode = 0) {
      const ended = await lifeboat(["backup"], more);
      const said = `${ended.stdout}\n${ended.stderr}`;
      if (ended.exitCode !== exitCode) throw new Error(`exit code ${ended.exitCode}, not ${exitCode}:\n${said}`);
      return said;
    },
    sh: (script) => exec({}, ["sh", "-c", script]),
    async shadow(program, script) {
      await writeFile(join(folder, "bin", program), `#!/bin/sh\n${script}\n`);
      await chmod(join(folder, "bin", program), 0o755);
    },
    async unshadow() {
      await rm(join(folder, "bin"), { recursive: true });
      await mkdir(join(folder, "bin"));
    },
    async sources() {
      const newest = (await stored()).filter((name) => name.endsWith(".receipt.json")).at(-1);
      const receipt = JSON.parse(await readFile(join(folder, "archive", newest ?? ""), "utf8")) as {
        sources: Source[];
      };
      return receipt.sources;
    },
    async [Symbol.asyncDispose]() {
      await docker("rm", "--force", "--volumes", container);
      // One after the other: several may have had the same name.
      for (const server of servers) await server[Symbol.asyncDispose]();
      await docker("network", "rm", network);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Every argument list of every process in there, one a line. */
export const ALL_ARGUMENTS = 'for p in /proc/[0-9]*; do tr "\\000" " " <$p/cmdline; echo; done 2>/dev/null; true';

/** Sends a signal to the processes of that name; for a script. Fails if there is none. */
export function killAll(signal: string, name: string): string {
  return `n=1; for p in /proc/[0-9]*; do if [ "$(cat $p/comm 2>/dev/null)" = ${name} ]; then kill -${signal} \${p#/proc/}; n=0; fi; done; exit $n`;
}

/** True if there is a process of that name. */
export const COMMANDS = "cat /proc/[0-9]*/comm 2>/dev/null";
