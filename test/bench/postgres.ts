import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, stat } from "node:fs/promises";
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
 * One database dumped by `pg_dump -Fc -Z zstd:3` alone, into a file, and saved by Lifeboat in both of its ways: by the
 * server's own pg_dump through the engine, and by the image's over the network. Of these the dump itself is told, which
 * is not compressed yet, and the whole backup: surveyed, dumped, read back by pg_restore, compressed, sealed, stored,
 * and read back from the storage. Prints a table.
 */
export async function compareDumps({ sizeMib, work, passphraseFile }: DumpBench): Promise<void> {
  await using network = await makeNetwork();
  await using server = await startPostgres(18, { network: network.name, name: "db", labels: DUMPED });
  await server.ready();
  const databaseBytes = await fill(server, sizeMib);
  const folder = await mkdtemp(join(work, "dumps-"));
  for (const name of ["nothing", "stored"]) await mkdir(join(folder, name));
  const env = { CONTAINER: server.container, WORK: folder, BACKUP_POSTGRES_PASSWORD: server.password };
  const image = { folder, passphraseFile, network: network.name };
  const inContainer = inImage(image, { BACKUP_DOCKER_PROJECT: network.name });
  const byUrl = inImage(image, { BACKUP_DOCKER_PROJECT: "none", BACKUP_POSTGRES: `postgres://app@${server.host}/app` });
  // Everything reads the database from the page cache: this compares programs, not disks.
  await measure(`${PG_DUMP} >/dev/null`, env);
  const best = new Map<string, Dumped>();
  const note = (name: string, now: Dumped) => {
    const wallMs = Math.min(now.wallMs, best.get(name)?.wallMs ?? Infinity);
    best.set(name, { ...now, wallMs });
  };
  for (let round = 1; round <= ROUNDS; round++) {
    process.stderr.write(`round ${round}: pg_dump alone, lifeboat …\n`);
    const { wallMs } = await measure(`${PG_DUMP} >"$WORK/app.pgdump"`, env);
    note("pg_dump -Fc -Z zstd:3", { wallMs, bytes: (await stat(join(folder, "app.pgdump"))).size });
    for (const [way, backup] of [
      ["in the container", inContainer],
      ["by URL", byUrl],
    ] as const) {
      await measure('rm -rf "$WORK/state" "$WORK"/stored/*', env);
      const { wallMs } = await measure(backup, env);
      note(`lifeboat ${way}: the dump`, await dumpOf(folder));
      note(`lifeboat ${way}: the whole backup`, { wallMs, bytes: await bytesIn(join(folder, "stored")) });
    }
  }
  print(databaseBytes, best);
}

/** As its receipt tells it: from the first question to the database until all of the dump lies in the spool. */
async function dumpOf(folder: string): Promise<Dumped> {
  const stored = join(folder, "stored");
  const receipt = (await readdir(stored)).find((name) => name.endsWith(".receipt.json")) ?? "";
  const { sources } = JSON.parse(await readFile(join(stored, receipt), "utf8")) as { sources: readonly Saved[] };
  const facts = sources.find(({ name }) => name === "db/app")?.facts;
  if (!facts) throw new Error("the receipt has no dump of 'db/app'");
  return { wallMs: facts.tookMs, bytes: facts.dumpBytes };
}

interface Saved {
  readonly name: string;
  readonly facts: { readonly tookMs: number; readonly dumpBytes: number };
}

async function bytesIn(folder: string): Promise<number> {
  const { stdout } = await execa("du", ["-sb", folder]);
  return Number.parseInt(stdout);
}

interface Image {
  readonly folder: string;
  readonly passphraseFile: string;
  readonly network: string;
}

/** A backup as the sidecar makes it: by the image, whose pg_restore knows the server's major. */
function inImage({ folder, passphraseFile, network }: Image, more: Readonly<Record<string, string>>): string {
  const socket = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").replace("unix://", "");
  const settings = {
    BACKUP_NAME: "bench",
    BACKUP_SOURCES: join(folder, "nothing"),
    BACKUP_ARCHIVE: join(folder, "stored"),
    BACKUP_STATE: join(folder, "state"),
    GPG_PASSPHRASE_FILE: passphraseFile,
    LOG_LEVEL: "warn",
    ...more,
  };
  const volumes = [`${socket}:/var/run/docker.sock`, `${folder}:${folder}`, `${passphraseFile}:${passphraseFile}:ro`];
  const options = [
    ...volumes.map((volume) => `--volume '${volume}'`),
    ...Object.entries(settings).map(([name, value]) => `--env '${name}=${value}'`),
    // Its value is in the environment, where a password belongs.
    ...("BACKUP_POSTGRES" in more ? ["--env BACKUP_POSTGRES_PASSWORD"] : []),
  ];
  return `docker run --rm --network '${network}' ${options.join(" ")} lifeboat:dev backup`;
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
  readonly wallMs: number;
  readonly bytes: number;
}

/** The first is what the others are compared with. */
function print(databaseBytes: number, dumped: ReadonlyMap<string, Dumped>): void {
  const table = new Table({
    head: ["", "s", "× pg_dump", "MB written"],
    style: { head: [], border: [] },
  });
  const [alone] = dumped.values();
  for (const [name, { wallMs, bytes }] of dumped) {
    const times = wallMs / (alone?.wallMs ?? 1);
    table.push([name, (wallMs / 1000).toFixed(1), times.toFixed(2), Math.round(bytes / 1e6)]);
  }
  process.stdout.write(`a PostgreSQL 18 database of ${Math.round(databaseBytes / MIB)} MiB\n${table.toString()}\n`);
}
