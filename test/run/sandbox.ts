import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { execa } from "execa";

/** What the command `lifeboat` runs. */
export const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface Ended {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program under way; resolves with how it ended, whatever that was. */
export interface Running extends Promise<{
  readonly exitCode?: number;
  readonly signal?: string;
  readonly stdout?: unknown;
  readonly stderr?: unknown;
}> {
  readonly pid?: number;
  kill(signal: NodeJS.Signals): boolean;
  /** Its log, as it comes. */
  readonly stderr: AsyncIterable<Buffer>;
}

/** A stack's data, a local target and a state folder of their own, and the program run on them as a user runs it. */
export interface Sandbox extends AsyncDisposable {
  readonly folder: string;
  readonly data: string;
  readonly archive: string;
  readonly state: string;
  readonly passphrase: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs `lifeboat ...args` to its end. Never rejects for an exit code. */
  lifeboat(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** Starts it and lets it run. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Running;
  /** File names in the local target, sorted. */
  stored(): Promise<string[]>;
}

const compileCache = process.env["NODE_COMPILE_CACHE"];

export async function makeSandbox(name = "stack"): Promise<Sandbox> {
  const folder = await mkdtemp(join(tmpdir(), "lifeboat-run-"));
  const [data, archive, state] = [join(folder, "data"), join(folder, "archive"), join(folder, "state")];
  for (const each of [data, archive, state]) await mkdir(each);
  const passphrase = `canary-${randomBytes(12).toString("hex")}`;
  await writeFile(join(folder, "passphrase"), `${passphrase}\n`, { mode: 0o600 });
  const env = {
    PATH: process.env["PATH"] ?? "",
    ...(compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache }),
    HOME: folder,
    BACKUP_NAME: name,
    BACKUP_SOURCES: data,
    BACKUP_ARCHIVE: archive,
    BACKUP_STATE: state,
    GPG_PASSPHRASE_FILE: join(folder, "passphrase"),
    LOCK_TIMEOUT: "0s",
    BACKUP_DOCKER_PROJECT: "none",
  };
  const start: Sandbox["start"] = (args, more = {}) =>
    execa(process.execPath, [main, ...args], { env: { ...env, ...more }, extendEnv: false, reject: false });
  return {
    folder,
    data,
    archive,
    state,
    passphrase,
    env,
    start,
    async lifeboat(args, more) {
      const { exitCode, stdout, stderr } = await start(args, more);
      return { exitCode, stdout: String(stdout), stderr: String(stderr) };
    },
    stored: async () => (await readdir(archive)).sort(),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A bit of everything: a database, a key, odd names, links, modes. */
export async function fillWithData(data: string): Promise<void> {
  await mkdir(join(data, "app", "empty"), { recursive: true });
  await writeFile(join(data, "app", "private_key.pem"), '{"kty":"RSA"}\n', { mode: 0o600 });
  await writeFile(join(data, "app", "-leading dash\nand newline"), "odd name\n");
  await writeFile(Buffer.concat([Buffer.from(`${data}/app/`), Buffer.from([0x6e, 0xff, 0xfe])]), "not UTF-8\n");
  await writeFile(join(data, "app", "noise.bin"), randomBytes(200_000));
  await symlink("private_key.pem", join(data, "app", "current.pem"));
  await chmod(join(data, "app", "empty"), 0o750);
  const database = new Database(join(data, "app", "app.db"));
  database.exec("CREATE TABLE clients (id TEXT PRIMARY KEY, name TEXT); PRAGMA user_version = 7");
  const insert = database.prepare("INSERT INTO clients VALUES (?, ?)");
  for (let at = 0; at < 500; at++) insert.run(`client-${at}`, `name ${at}`);
  database.close();
}

/** Contents of every regular file below a folder, by the bytes of its relative path (latin1), databases left out. */
export async function contentsOf(folder: string): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  const visit = async (relative: Buffer): Promise<void> => {
    const here = Buffer.concat([Buffer.from(`${folder}/`), relative]);
    for (const entry of await readdir(here, { withFileTypes: true, encoding: "buffer" })) {
      const path = Buffer.concat([relative, entry.name]);
      if (entry.isDirectory()) await visit(Buffer.concat([path, Buffer.from("/")]));
      else if (entry.isFile() && !path.toString("latin1").endsWith(".db")) {
        const content = await readFile(Buffer.concat([Buffer.from(`${folder}/`), path]));
        contents.set(path.toString("latin1"), content.toString("base64"));
      }
    }
  };
  await visit(Buffer.alloc(0));
  return contents;
}
