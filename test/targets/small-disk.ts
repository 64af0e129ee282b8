import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../servers/programs.ts";

export interface SmallDisk extends AsyncDisposable {
  readonly folder: string;
  makeReadOnly(): Promise<void>;
}

/** A file system of that size ("1m"), mounted below `parent` until disposed of. */
export async function mountSmallDisk(parent: string, size: string): Promise<SmallDisk> {
  const folder = mkdtempSync(join(parent, "disk-"));
  await run("mount", ["-t", "tmpfs", "-o", `size=${size}`, "lifeboat-test", folder]);
  return {
    folder,
    makeReadOnly: async () => void (await run("mount", ["-o", "remount,ro", folder])),
    async [Symbol.asyncDispose]() {
      await run("umount", ["--lazy", folder]);
      await rm(folder, { recursive: true });
    },
  };
}
