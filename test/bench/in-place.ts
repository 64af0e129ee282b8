/**
 * npm run bench -- in-place [SIZE_MIB]: the data of the benchmark restored in place, below a container that runs on it.
 * What counts is how long that is down; docs/design/performance.md says what was measured.
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { docker } from "../servers/programs.ts";
import { benchData, benchPassphrase } from "./data.ts";

const sizeMib = Number(process.argv[2] ?? 1024);
const root = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(root, ".cache", "bench");
await mkdir(cache, { recursive: true });
const data = benchData(cache, sizeMib);
const work = await mkdtemp(join(cache, "in-place-"));
const name = `lb-bench-${basename(work).slice(-6).toLowerCase()}`;

interface Report {
  readonly steps: readonly { readonly name: string; readonly tookMs: number }[];
}

async function lifeboat(...args: string[]): Promise<string> {
  const env = {
    ...{ BACKUP_NAME: "bench", BACKUP_DOCKER_PROJECT: name, LOG_LEVEL: "warn" },
    ...{ BACKUP_SOURCES: join(work, "data"), BACKUP_ARCHIVE: join(work, "stored"), BACKUP_STATE: join(work, "state") },
    GPG_PASSPHRASE_FILE: join(work, "passphrase"),
  };
  const { stdout } = await execa(process.execPath, [join(root, "src", "main.ts"), ...args], { env });
  return stdout;
}

try {
  for (const folder of ["data", "stored"]) await mkdir(join(work, folder));
  await writeFile(join(work, "passphrase"), benchPassphrase(), { mode: 0o600 });
  await cp(data, join(work, "data", "app"), { recursive: true, preserveTimestamps: true });
  const volume = `${join(work, "data", "app")}:/data`;
  const labels = ["--label", `com.docker.compose.project=${name}`, "--label", "com.docker.compose.service=app"];
  await docker(
    "run",
    "--detach",
    "--init",
    "--name",
    name,
    "--volume",
    volume,
    ...labels,
    "debian:trixie-slim",
    "sleep",
    "infinity",
  );
  await lifeboat("backup");
  const began = performance.now();
  const { steps } = JSON.parse(await lifeboat("restore", "latest", "--in-place", "--yes", "--json")) as Report;
  const tookMs = performance.now() - began;
  const [stopped = "", started = ""] = (
    await docker("inspect", "--format", "{{.State.FinishedAt}} {{.State.StartedAt}}", name)
  ).split(" ");
  const downMs = Date.parse(started) - Date.parse(stopped);
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  const inSteps = steps.map((step) => `${step.name} ${seconds(step.tookMs)}`).join(", ");
  process.stdout.write(`${sizeMib} MiB restored in place in ${seconds(tookMs)}: ${inSteps}\n`);
  process.stdout.write(`the container was down for ${seconds(downMs)}\n`);
} finally {
  await docker("rm", "--force", name);
  await rm(work, { recursive: true, force: true });
}
