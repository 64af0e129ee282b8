import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fullDisk } from "../../system/disk-failure.ts";
import type { Body } from "../../targets/target.ts";
import type { Spool } from "./spool.ts";

/** What a target is to store, and under which key. */
export interface NamedBody {
  readonly key: string;
  readonly body: Body;
}

/** Puts a few bytes into the spool, from where a target takes them. */
export async function bodyAtRest(key: string, bytes: Buffer, spool: Spool): Promise<NamedBody> {
  const path = join(await spool.makeFolder("sealed"), key);
  await writeFile(path, bytes, { mode: 0o600 }).catch((error: unknown) => {
    throw fullDisk(error, `write '${key}'`, dirname(path));
  });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { key, body: { path, sizeBytes: bytes.length, sha256 } };
}
