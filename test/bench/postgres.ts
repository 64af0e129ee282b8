import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, stat } from "node:fs/promises";
import { join } from "node:path";
import Table from "cli-table3";
import { execa } from "execa";
import { startPostgres, type PostgresServer } from "../servers/postgres.ts";
import { docker } from "../servers/programs.ts";
import { measure } from "./measure.ts";

export interface DumpBench {
  readonly sizeMib: number;
  /** For what is made on the way; must exist. */
  readonly work: string;
  readonly passphraseFile: string;
}

/** The better of two counts, as for files. */
const ROUNDS = 2;
const PG_DUMP = 'docker exec "$CONTAINER" pg_dump -Fc -Z zstd:3 -U app app';

/**
 * One database dumped by `pg_dump -Fc -Z zstd:3` alone, and saved by Lifeboat: dumped by the same pg_dump in the same
 * container, read back whole by pg_restore, compressed, sealed, stored and proven. Prints a table.
 */
export async function compareDumps({ sizeMib, work, passphraseFile }: DumpBench): Promise<void> {
  await using network = await makeNetwork();
  await using server = await startPostgres(18, { network: network.name, name: "db", labels: DUMPED });
  await server.ready();
  const databaseBytes = await fill(server, sizeMib);
  const folder = await mkdtemp(join(work, "dumps-"));
  for (const name of ["nothing", "stored"]) await mkdir(join(folder, name));
  const env = { CONTAINER: server.container, WORK: folder };
  const backup = inImage(folder, passphraseFile, network.name);
  // Everything reads the database from the page cache: this compares programs, not disks.
  await measure(`${PG_DUMP} >/dev/null`, env);
  const [alone, ours]: [number[], number[]] = [[], []];
  for (let round = 1; round <= ROUNDS; round++) {
    process.stderr.write(`round ${round}: pg_dump alone, lifeboat …\n`);
    alone.push((await measure(`${PG_DUMP} >"$WORK/app.pgdump"`, env)).wallMs);
    await measure('rm -rf "$WORK/state" "$WORK"/stored/*', env);
    ours.push((await measure(backup, env)).wallMs);
  }
  const aloneBytes = (await stat(join(folder, "app.pgdump"))).size;
  const { stdout } = await execa("du", ["-sb", join(folder, "stored")]);
  print(databaseBytes, [
    { name: "pg_dump -Fc -Z zstd:3", wallMs: Math.min(...alone), bytes: aloneBytes },
    { name: "lifeboat", wallMs: Math.min(...ours), bytes: Number.parseInt(stdout) },
  ]);
}

/** A backup as the sidecar makes it: by the image, whose pg_restore knows the server's major. */
function inImage(folder: string, passphraseFile: string, project: string): string {
  const socket = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").replace("unix://", "");
  const settings = {
    BACKUP_NAME: "bench",
    BACKUP_DOCKER_PROJECT: project,
    BACKUP_SOURCES: join(folder, "nothing"),
    BACKUP_ARCHIVE: join(folder, "stored"),
    BACKUP_STATE: join(folder, "state"),
    GPG_PASSPHRASE_FILE: passphraseFile,
    LOG_LEVEL: "warn",
  };
  const volumes = [`${socket}:/var/run/docker.sock`, `${folder}:${folder}`, `${passphraseFile}:${passphraseFile}:ro`];
  const options = [
    ...volumes.map((volume) => `--volume '${volume}'`),
    ...Object.entries(settings).map(([name, value]) => `--env '${name}=${value}'`),
  ];
  return `docker run --rm ${options.join(" ")} lifeboat:dev backup`;
}

const DUMPED = { "lifeboat.postgres": "true" };

async function makeNetwork(): Promise<AsyncDisposable & { readonly name: string }> {
  const name = `lb-bench-${randomBytes(4).toString("hex")}`;
  await docker("network", "create", name);
  return { name, [Symbol.asyncDispose]: async () => void (await docker("network", "rm", name)) };
}

/**
 * Fills the database with about that much: three fifths rows as an application logs them, two fifths that no
 * compression makes smaller. The same rows every time. Gives its size in bytes.
 */
async function fill(server: PostgresServer, sizeMib: number): Promise<number> {
  process.stderr.write(`${sizeMib} MiB of rows …\n`);
  // What a row of either takes on the disk with its place in the index, measured.
  const [events, files] = [Math.round((sizeMib * MIB * 0.6) / 128), Math.round((sizeMib * MIB * 0.4) / 572)];
  const statements = [
    "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz, client text, path text, status int, took_us int)",
    "CREATE TABLE files (id bigint PRIMARY KEY, content bytea)",
  ];
  for (let first = 0; first < events; first += BATCH) {
    statements.push(`
      INSERT INTO events SELECT n, '2026-01-01'::timestamptz + n * interval '1.7 s', md5((n % 5000)::text),
        (ARRAY['/authorize', '/token', '/connect/register', '/jwks'])[1 + n % 4], 200 + n % 5, hashint8(n) & 65535
      FROM generate_series(${first}, ${Math.min(first + BATCH, events) - 1}) n`);
  }
  const digest = (salt: string) => `sha512(convert_to('${salt}' || n, 'UTF8'))`;
  const content = ["a", "b", "c", "d", "e", "f", "g", "h"].map(digest).join(" || ");
  for (let first = 0; first < files; first += BATCH) {
    const last = Math.min(first + BATCH, files) - 1;
    statements.push(`INSERT INTO files SELECT n, ${content} FROM generate_series(${first}, ${last}) n`);
  }
  for (const statement of [...statements, "VACUUM ANALYZE"]) await server.sql(statement);
  return Number(await server.sql("SELECT pg_database_size('app')"));
}

const MIB = 1024 * 1024;
/** Rows of one statement: some seconds of work. */
const BATCH = 250_000;

interface Dumped {
  readonly name: string;
  readonly wallMs: number;
  readonly bytes: number;
}

function print(databaseBytes: number, dumped: readonly Dumped[]): void {
  const table = new Table({
    head: ["", "save s", "× pg_dump", "stored MB"],
    style: { head: [], border: [] },
  });
  for (const { name, wallMs, bytes } of dumped) {
    const times = wallMs / (dumped[0]?.wallMs ?? 1);
    table.push([name, (wallMs / 1000).toFixed(1), times.toFixed(2), Math.round(bytes / 1e6)]);
  }
  process.stdout.write(`a PostgreSQL 18 database of ${Math.round(databaseBytes / MIB)} MiB\n${table.toString()}\n`);
}
