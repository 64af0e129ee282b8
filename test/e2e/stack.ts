import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { removalLabel } from "../servers/checkout.ts";

export const checkout = resolve(import.meta.dirname, "../..");

/** A compose project of its own, in a folder of its own. Disposal takes all of it away. */
export interface Stack extends AsyncDisposable {
  readonly folder: string;
  /** Writes a compose file that all `docker compose` in this folder read from then on, after those added before. */
  addComposeFile(text: string): Promise<void>;
  /** What `docker compose` and gpg go by in this folder. */
  environment(): Readonly<Record<string, string>>;
  /** Runs a script with bash in the folder; it ends at the first command that fails. */
  attempt(script: string, env?: Readonly<Record<string, string>>): Promise<Attempt>;
  /** As `attempt`, and rejects unless it ends with 0. Gives its stdout. */
  sh(script: string, env?: Readonly<Record<string, string>>): Promise<string>;
}

export interface Attempt {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Copies `files` (from the top of the checkout, or absolute) into a new folder and makes a project there. */
export async function makeStack(files: Readonly<Record<string, string>>): Promise<Stack> {
  const folder = await mkdtemp(join(tmpdir(), "lifeboat-stack-"));
  for (const [name, from] of Object.entries(files)) await cp(resolve(checkout, from), join(folder, name));
  const composeFiles = Object.keys(files).filter((name) => /compose.*\.ya?ml$/.test(name));
  for (const name of composeFiles) {
    const path = join(folder, name);
    await writeFile(path, withEngineSocket(await readFile(path, "utf8")));
  }
  const environment = () => ({
    COMPOSE_PROJECT_NAME: basename(folder).toLowerCase(),
    COMPOSE_FILE: composeFiles.join(":"),
    COMPOSE_PROGRESS: "quiet",
    // Any free one: the example names a port of the machine.
    BARYCENTER_PORT: "0",
    GNUPGHOME: join(folder, ".gnupg"),
  });
  const attempt: Stack["attempt"] = (script, env) =>
    new Promise((resolved) => {
      const options = {
        cwd: folder,
        env: { ...process.env, ...environment(), ...env },
        timeout: 120_000,
        maxBuffer: 16 << 20,
      };
      execFile("bash", ["-euo", "pipefail", "-c", script], options, (error, stdout, stderr) => {
        const exitCode = error ? (typeof error.code === "number" ? error.code : 255) : 0;
        resolved({ exitCode, stdout, stderr: error?.killed ? `${stderr}\n(took more than 120 s)` : stderr });
      });
    });
  const sh: Stack["sh"] = async (script, env) => {
    const { exitCode, stdout, stderr } = await attempt(script, env);
    if (exitCode !== 0) throw new Error(`exit code ${exitCode} of:\n${script}\n${stdout}\n${stderr}`);
    return stdout;
  };
  const addComposeFile = async (text: string) => {
    const name = `docker-compose.${composeFiles.length}.yml`;
    await writeFile(join(folder, name), text);
    composeFiles.push(name);
    await sh("docker compose config --quiet");
    // What a killed test leaves behind is found by this label.
    const services = (await sh("docker compose config --services")).trim().split("\n");
    const labelled = services.map((service) => [service, { labels: [removalLabel] }]);
    await writeFile(join(folder, "labels.json"), JSON.stringify({ services: Object.fromEntries(labelled) }));
    const rest = composeFiles.filter((file) => file !== "labels.json");
    composeFiles.splice(0, composeFiles.length, ...rest, "labels.json");
  };
  await addComposeFile("services: {}\n");
  return {
    folder,
    environment,
    addComposeFile,
    attempt,
    sh,
    async [Symbol.asyncDispose]() {
      await attempt("gpgconf --kill gpg-agent; docker compose down --volumes --remove-orphans --timeout 0");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The engine's socket as the tests reach it, which need not be where the examples mount it from. */
export const engineSocket = (process.env["DOCKER_HOST"] ?? "").replace(/^unix:\/\//, "") || "/var/run/docker.sock";

/** A compose text that mounts the engine's socket, made to mount the one the tests use. */
export function withEngineSocket(text: string): string {
  return text.replaceAll("/var/run/docker.sock:/var/run/docker.sock", `${engineSocket}:/var/run/docker.sock`);
}
