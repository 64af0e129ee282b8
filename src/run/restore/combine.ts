import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { extract } from "../../archive/extract.ts";
import type { Receipt } from "../../archive/receipt.ts";
import { byteStringOf, type ByteString } from "../../sources/names.ts";
import { combine } from "../../sources/postgres/physical/combine.ts";
import { recordedPhysical } from "../../sources/postgres/physical/foundation.ts";
import { readHolding, type KnownBackup } from "../catalogue/catalogue.ts";
import type { Fetched } from "../catalogue/fetch.ts";
import type { Found } from "../catalogue/find.ts";
import { foundationIn, incrementsIn, type Increment } from "../catalogue/foundation.ts";
import type { Tools } from "../conduct/tools.ts";

/** Increments that a restore puts together with what they stand on. */
export interface Combination {
  readonly full: KnownBackup;
  readonly increments: readonly Increment[];
  /** What it takes where the restored files go, beside the backup itself, until it is done. */
  readonly extraBytes: number;
}

/**
 * What a restore of these paths (undefined: of everything) has to put together; undefined if there is nothing of the
 * kind. Rejects as `foundationIn` throws.
 */
export async function planCombination(
  { backup, target }: Found,
  only: readonly ByteString[] | undefined,
  tools: Tools,
  signal: AbortSignal,
): Promise<Combination | undefined> {
  const increments = incrementsIn(backup.receipt).filter(({ folder }) => isWhole(folder, only));
  if (increments.length === 0) return undefined;
  const full = foundationIn(await readHolding(target, tools, signal), backup);
  const bytes = increments.map(({ name, recorded }) => {
    const source = full.receipt.sources.find((one) => one.name === name)!;
    // What stands on the foundation is as large as both at most; until it is checked, all three are there.
    return 2 * recordedPhysical(source).copyBytes + recorded.copyBytes;
  });
  return { full, increments, extraBytes: bytes.reduce((sum, one) => sum + one, 0) };
}

/** The folders of increments of which only parts are restored, as they are in the archive. */
export function loneParts(receipt: Receipt, only: readonly ByteString[] = []): readonly string[] {
  const folders = incrementsIn(receipt).map(({ folder }) => folder);
  const isInside = (folder: string) => only.some((path) => path.startsWith(`${byteStringOf(folder)}/`));
  return folders.filter((folder) => !isWhole(folder, only) && isInside(folder));
}

function isWhole(folder: string, only: readonly ByteString[] | undefined): boolean {
  return only === undefined || only.some((path) => `${byteStringOf(folder)}/`.startsWith(`${path}/`));
}

/**
 * Replaces each increment below `quarantine` by the base backup that it makes with its foundation, checked. What it needs
 * meanwhile is in the quarantine too. `fetched` are the full backup's files.
 */
export async function combineIncrements(
  quarantine: string,
  { full, increments }: Combination,
  fetched: Fetched,
  { keys, progress }: Tools,
  signal: AbortSignal,
): Promise<void> {
  const { id, archive } = full.receipt;
  const into = join(quarantine, "foundation");
  const combined = join(quarantine, "combined");
  await mkdir(into);
  {
    using bar = progress.start(`read full backup ${id}`, archive.contentBytes);
    const only = increments.map(({ folder }) => Buffer.from(`backup/${folder}`));
    const onProgress = (bytes: number) => bar.at(bytes);
    await extract(
      { ...fetched, id, contentBytes: archive.contentBytes, tarBytes: archive.tarBytes, keys, into, only, onProgress },
      signal,
    );
  }
  for (const { server, folder, recorded, standsOn } of increments) {
    const increment = join(quarantine, "backup", folder);
    const foundation = join(into, "backup", folder);
    await combine({ server, increment, foundation, recorded, standsOn }, combined, signal);
    for (const part of [foundation, increment]) await rm(part, { recursive: true, force: true });
    await rename(combined, increment);
  }
  await rm(into, { recursive: true, force: true });
}
