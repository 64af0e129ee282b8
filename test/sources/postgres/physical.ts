import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { postgresImages, type Major, type PostgresServer } from "../../servers/postgres.ts";
import { docker } from "../../servers/programs.ts";
import type { Settings, Sidecar } from "./sidecar.ts";

/** Makes a role that may copy the server, and lets it in from other machines. */
export async function letReplicate(server: PostgresServer): Promise<void> {
  await server.sql("CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'canary-copy'");
  await server.sh('echo "host replication replicator samenet scram-sha-256" >>$PGDATA/pg_hba.conf');
  await server.sql("SELECT pg_reload_conf()");
}

export const physical = (hosts: string, more: Settings = {}): Settings => ({
  BACKUP_POSTGRES_PHYSICAL: hosts.replace(/\S+/g, "postgres://replicator@$&"),
  BACKUP_POSTGRES_PASSWORD: "canary-copy",
  BACKUP_POSTGRES_TIMEOUT: "60s",
  ...more,
});

/** Changes settings of the server, and starts it anew. */
export async function reconfigure(server: PostgresServer, settings: Settings): Promise<void> {
  for (const [name, value] of Object.entries(settings)) await server.sql(`ALTER SYSTEM SET ${name} = '${value}'`);
  await execa("docker", ["restart", "--time", "10", server.container]);
  await server.ready();
}

/** Where the test's tablespaces are, in each server. */
export const FAST_DISK = "/srv/fast=disk";
export const LATE_DISK = "/srv/late disk";

/**
 * Does what the page in a restored base backup says, and starts a server on it. `folder` is that of the base backup,
 * below the sidecar's; `also` is run before the start, in that folder.
 */
export async function startRestored(
  sidecar: Sidecar,
  { major, name, folder, also = "true" }: { major: Major; name: string; folder: string; also?: string },
): Promise<PostgresServer> {
  const page = await readFile(join(sidecar.folder, folder, "README.txt"), "utf8");
  const commands = page.split("\n").filter((line) => /^ {2}(mkdir|pg_verifybackup|chown)/.test(line));
  const places = { "": "/x", wal: "/wal", [`disk-of-${name}`]: FAST_DISK, [`late-of-${name}`]: LATE_DISK };
  const mounts = Object.entries(places).map(([from, to]) => `${join(sidecar.folder, from)}:${to}`);
  const script = ["set -e", `cd /x/${folder}`, ...commands, also].join("\n");
  const options = ["--rm", "--entrypoint", "sh", ...mounts.flatMap((mount) => ["--volume", mount])];
  await docker("run", ...options, postgresImages[major], "-c", script);
  const pgdata = major === 18 ? "/var/lib/postgresql/18/docker" : "/var/lib/postgresql/data";
  const data = `${join(sidecar.folder, folder, "data")}:${pgdata}`;
  const server = await sidecar.server(major, name, { mounts: [...mounts, data] });
  await server.ready();
  return server;
}
