import { readdir, readFile } from "node:fs/promises";

/** Sends `signal` to every process that descends from `pid` (not to `pid` itself), the youngest generation last. */
export async function signalDescendants(pid: number, signal: NodeJS.Signals): Promise<void> {
  for (const descendant of await descendantsOf(pid)) {
    try {
      process.kill(descendant, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

async function descendantsOf(pid: number): Promise<number[]> {
  const parents = await parentsByProcess();
  const found = [pid];
  // Appended to while it is walked: each generation brings the next.
  for (const ancestor of found) {
    for (const [child, parent] of parents) if (parent === ancestor) found.push(child);
  }
  return found.slice(1);
}

async function parentsByProcess(): Promise<ReadonlyMap<number, number>> {
  const parents = new Map<number, number>();
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    // The name, in parentheses, may hold spaces and parentheses; state and parent follow the last one.
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "");
    const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
    if (parent !== undefined) parents.set(Number(entry), Number(parent));
  }
  return parents;
}
