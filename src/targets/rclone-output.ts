import { createInterface } from "node:readline/promises";
import type { Readable } from "node:stream";

/** One file or folder, as `rclone lsjson` describes it. */
export interface Entry {
  readonly Name: string;
  readonly Size: number;
  readonly IsDir: boolean;
}

/** `lsjson` prints an array with one object per line, so that a million of them need not be one string. */
export async function readEntries(stdout: Readable, alive: () => void): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for await (const line of createInterface({ input: stdout })) {
    alive();
    if (line.startsWith("{")) entries.push(JSON.parse(line.replace(/,$/, "")) as Entry);
  }
  return entries;
}

/** For calls that print nothing of use. */
export async function drain<Result>(stdout: Readable, alive: () => void): Promise<Result> {
  for await (const _ of stdout) alive();
  return undefined as Result;
}

/** As `--files-from-raw` reads them. */
export function lines(names: readonly string[]): string {
  return names.map((name) => `${name}\n`).join("");
}
