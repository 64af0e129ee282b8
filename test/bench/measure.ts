import { readdirSync, readFileSync } from "node:fs";
import { execa } from "execa";

export interface Measured {
  readonly wallMs: number;
  /** Highest sum of resident memory of the program and all its descendants; shared pages count once for each. */
  readonly peakRssBytes: number;
}

const SAMPLE_MS = 50;

/** Runs a command line with bash (pipefail), and measures it with all its children. Rejects if it fails. */
export async function measure(script: string, env: Readonly<Record<string, string>>): Promise<Measured> {
  const began = performance.now();
  const child = execa("bash", ["-o", "pipefail", "-ec", script], { env, stdout: "ignore", stderr: "pipe" });
  let peakRssBytes = 0;
  const sampler = setInterval(() => {
    if (child.pid !== undefined) peakRssBytes = Math.max(peakRssBytes, rssOfTree(child.pid));
  }, SAMPLE_MS);
  try {
    await child;
  } finally {
    clearInterval(sampler);
  }
  return { wallMs: performance.now() - began, peakRssBytes };
}

function rssOfTree(root: number): number {
  const parents = new Map<number, number>();
  const sizes = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      parents.set(pid, Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]));
      sizes.set(pid, 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0));
    } catch {
      // Ended between the listing and the reading.
    }
  }
  const isInTree = (pid: number): boolean => pid === root || (pid > 1 && isInTree(parents.get(pid) ?? 0));
  return [...sizes].reduce((sum, [pid, size]) => (isInTree(pid) ? sum + size : sum), 0);
}
