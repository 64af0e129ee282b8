import { randomBytes } from "node:crypto";
import { execa } from "execa";
import { until } from "../until.ts";
import { removalLabel } from "./checkout.ts";
import { docker } from "./programs.ts";

export type Major = 15 | 17 | 18;

/** A real PostgreSQL server in a container, with the superuser `app` and the database `app`. Removed by disposal. */
export interface PostgresServer extends AsyncDisposable {
  readonly container: string;
  /** Its name in the network. */
  readonly host: string;
  /** Of `app`, over the network. */
  readonly password: string;
  /** Runs SQL as `app` and gives what it selects, without headings. Rejects at the first error. */
  sql(text: string, database?: string): Promise<string>;
  /** Runs a script with sh in the container. Its exit code is not looked at. */
  sh(script: string): Promise<{ readonly exitCode?: number; readonly stdout: string; readonly stderr: string }>;
  /** Resolves when it takes connections over the network, and lets its superuser in; by default that is `app`. */
  ready(superuser?: string): Promise<void>;
  /** How often it has thrown out all its clients because a child of it was ended by a signal. */
  crashes(): Promise<number>;
}

export const postgresImages: Readonly<Record<Major, string>> = {
  15: "postgres:15",
  17: "postgres:17",
  18: "postgres:18-trixie",
};

/** Starts it; resolves without waiting for it to be ready. `name` is its compose service as well. */
export async function startPostgres(
  major: Major,
  options: {
    readonly network: string;
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly mounts?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<PostgresServer> {
  const { network, name, labels = {}, mounts = [], env = {} } = options;
  const container = `${network}-${name}`;
  const password = `canary-${randomBytes(9).toString("hex")}`;
  const all = {
    "com.docker.compose.project": network,
    "com.docker.compose.service": name,
    "com.docker.compose.container-number": "1",
    ...labels,
  };
  await docker(
    ...["run", "--detach", "--name", container, "--network", network, "--network-alias", name],
    ...["--label", removalLabel, ...Object.entries(all).flatMap(([key, value]) => ["--label", `${key}=${value}`])],
    ...["--env", `POSTGRES_PASSWORD=${password}`, "--env", "POSTGRES_USER=app", "--env", "LC_MESSAGES=C"],
    ...Object.entries(env).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
    ...mounts.flatMap((mount) => ["--volume", mount]),
    ...[postgresImages[major], "postgres", "-c", "fsync=off", "-c", "shared_buffers=16MB"],
  );
  const sh: PostgresServer["sh"] = async (script) => {
    const { exitCode, stdout, stderr } = await execa("docker", ["exec", container, "sh", "-c", script], {
      reject: false,
      timeout: 60_000,
    });
    return { ...(exitCode === undefined ? {} : { exitCode }), stdout, stderr };
  };
  return {
    container,
    host: name,
    password,
    sh,
    async sql(text, database = "app") {
      const psql = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "app", "-f", "-"];
      const { stdout } = await execa("docker", ["exec", "-i", "-e", `PGDATABASE=${database}`, container, ...psql], {
        input: text,
        timeout: 60_000,
      });
      return stdout;
    },
    async ready(superuser = "app") {
      await until(`${container} takes connections`, async () => {
        // During its first start it answers on the socket alone.
        return (
          (await sh(`pg_isready -q -h 127.0.0.1 && psql -U ${superuser} -d template1 -c 'SELECT 1'`)).exitCode === 0
        );
      });
    },
    async crashes() {
      const { stdout, stderr } = await execa("docker", ["logs", container]);
      return (stdout + stderr).match(/was terminated by signal/g)?.length ?? 0;
    },
    async [Symbol.asyncDispose]() {
      await docker("rm", "--force", "--volumes", container);
    },
  };
}
