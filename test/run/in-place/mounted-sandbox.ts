import { execFile } from "node:child_process";
import { chmod, chown, lstat, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import Database from "better-sqlite3";
import { makeSandbox, type Sandbox } from "../sandbox.ts";

const run = promisify(execFile);

/**
 * Sources as a sidecar has them: two volumes, one of them inside the other, and a single file, each a mount of its own.
 */
export async function makeMountedSandbox(t: TestContext): Promise<Sandbox> {
  const sandbox = await makeSandbox();
  const mounted: string[] = [];
  t.after(async () => {
    for (const path of mounted.reverse()) await run("umount", ["--lazy", path]);
    await sandbox[Symbol.asyncDispose]();
  });
  const bind = async (from: string, to: string) => {
    await run("mount", ["--bind", from, to]);
    mounted.push(to);
  };
  const outside = join(sandbox.folder, "outside");
  await mkdir(join(outside, "volume", "inner"), { recursive: true });
  await mkdir(join(outside, "inner"));
  await mkdir(join(sandbox.data, "volume"));
  await bind(join(outside, "volume"), join(sandbox.data, "volume"));
  await bind(join(outside, "inner"), join(sandbox.data, "volume", "inner"));
  await writeFile(join(outside, "config.toml"), "");
  await writeFile(join(sandbox.data, "config.toml"), "");
  await bind(join(outside, "config.toml"), join(sandbox.data, "config.toml"));
  return sandbox;
}

/** The state of a stack at one moment, every file of it named after the moment. */
export async function putMoment(data: string, moment: string): Promise<void> {
  const at = (...parts: string[]) => join(data, ...parts);
  for (const folder of [at("volume"), at("volume", "inner"), at("top")]) {
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) {
      if (name !== "inner") await rm(join(folder, name), { recursive: true });
    }
    await mkdir(join(folder, `folder-${moment}`), { recursive: true });
    await mkdir(join(folder, "both"), { recursive: true });
    await writeFile(join(folder, `folder-${moment}`, "file"), moment);
    await writeFile(join(folder, "both", "file"), moment);
    await writeFile(join(folder, "both", `only-${moment}`), moment, { mode: 0o640 });
    await chown(join(folder, "both", "file"), 1000, moment.length);
    await chmod(join(folder, "both"), 0o2775);
  }
  await rm(at("volume", "app.db"), { force: true });
  const database = new Database(at("volume", "app.db"));
  database.exec(`CREATE TABLE moments (name TEXT); INSERT INTO moments VALUES ('${moment}')`);
  database.close();
  await writeFile(at("config.toml"), `moment = "${moment}"\n`);
}

/** Every path below, with type, mode, owner and content; those that no backup has as well. */
export async function pictureOf(data: string): Promise<readonly string[]> {
  const lines: string[] = [];
  const visit = async (relative: string): Promise<void> => {
    const path = join(data, relative);
    const stats = await lstat(path);
    const content = stats.isFile() ? (await readFile(path)).toString("base64") : "";
    const shown = path.endsWith(".db") ? rowsOf(path) : content;
    lines.push(`${relative} ${(stats.mode & 0o7777).toString(8)} ${stats.uid}:${stats.gid} ${shown}`);
    if (stats.isDirectory()) for (const name of (await readdir(path)).sort()) await visit(join(relative, name));
  };
  await visit("");
  return lines;
}

function rowsOf(path: string): string {
  const database = new Database(path, { readonly: true });
  try {
    return JSON.stringify(database.prepare("SELECT * FROM moments").all());
  } finally {
    database.close();
  }
}
