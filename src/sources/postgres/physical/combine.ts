import { existsSync } from "node:fs";
import { mkdir, readdir, symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { LifeboatError } from "../../../errors.ts";
import { runChild } from "../../../system/children.ts";
import { clientVersion } from "../check.ts";
import { majorOf } from "../survey.ts";
import type { RecordedPhysical, StandsOn } from "./foundation.ts";
import { readManifest } from "./manifest.ts";
import { writeReadme } from "./readme.ts";
import { mappingArguments, restoreLinks, tablespaceFolder } from "./tablespaces.ts";

/** An increment as it was extracted, and the whole base backup that it stands on. */
export interface Parts {
  /** Name of the server. */
  readonly server: string;
  /** Folders with `data` and `tablespaces` in them; links in both are changed. */
  readonly increment: string;
  readonly foundation: string;
  /** What the increment's receipt says. */
  readonly recorded: RecordedPhysical;
  readonly standsOn: StandsOn;
}

/**
 * Puts an increment and what it stands on together, in the folder `into`, which is made: a base backup like a whole one,
 * every file of it checked, with the page that says how to start it. Takes the programs of the server's own major.
 */
export async function combine(parts: Parts, into: string, signal: AbortSignal): Promise<void> {
  const { server, increment, foundation, recorded, standsOn } = parts;
  try {
    await requireManifest(foundation, standsOn);
    const programs = await programsOf(majorOf(recorded), signal);
    const oids = await leadLinksInto(increment);
    await leadLinksInto(foundation);
    await mkdir(into, { mode: 0o700 });
    const data = join(into, "data");
    const mappings = oids.map(
      (oid) => [tablespaceFolder(increment, { oid }), tablespaceFolder(into, { oid })] as const,
    );
    const args = [
      // Nothing is synced that is checked right after, and appears by a rename.
      ...["--no-sync", "--manifest-checksums=SHA256", ...mappingArguments(mappings), `--output=${data}`],
      ...[join(foundation, "data"), join(increment, "data")],
    ];
    await runChild({ program: programs.combine, args }, { timeoutMs: COMBINE_MS, signal });
    await runChild({ program: programs.verify, args: ["--quiet", data] }, { timeoutMs: COMBINE_MS, signal });
    await restoreLinks(into, recorded.tablespaces);
    await writeReadme(into, server, recorded, recorded.walRanges);
  } catch (cause) {
    signal.throwIfAborted();
    const kind = cause instanceof LifeboatError ? cause.kind : "failed";
    throw new LifeboatError(
      kind,
      `the base backup of '${server}' could not be put together with that of full backup '${standsOn.backup}'`,
      { cause, hint: byHand(cause) },
    );
  }
}

/** For terabytes; what hangs is ended by whoever waits for the restore. */
const COMBINE_MS = 24 * 60 * 60 * 1000;

function byHand(cause: unknown): string {
  const missing = cause instanceof LifeboatError ? cause.hint : undefined;
  return (
    missing ?? "With --only PATH, the rest of the backup, or the parts of the increment as they are, can be restored."
  );
}

async function requireManifest(foundation: string, { manifestSha256 }: StandsOn): Promise<void> {
  const { sha256 } = await readManifest(join(foundation, "data", "backup_manifest"));
  if (sha256 === manifestSha256) return;
  throw new LifeboatError(
    "verification-failed",
    `the whole base backup has a manifest with SHA-256 ${sha256}, but the increment was taken against ${manifestSha256}`,
  );
}

/** The image's own programs, or those of an older major that it has beside them: each takes its own major alone. */
async function programsOf(
  major: number,
  signal: AbortSignal,
): Promise<{ readonly combine: string; readonly verify: string }> {
  const own = await clientVersion("pg_basebackup", signal);
  const folder = own.major === major ? "" : `/usr/local/lib/postgresql/${major}/bin/`;
  const programs = { combine: `${folder}pg_combinebackup`, verify: `${folder}pg_verifybackup` };
  for (const program of Object.values(programs)) {
    if (folder === "" || existsSync(program)) continue;
    throw new LifeboatError("failed", `there is no '${program}', which a server of PostgreSQL ${major} needs`, {
      hint: "Use the image, which has it. Or do it by hand: restore --only .databases/SERVER/physical/README.txt says how.",
    });
  }
  return programs;
}

/** Lets the links in the data directory lead to the tablespaces beside it, and gives their names. */
async function leadLinksInto(physical: string): Promise<readonly number[]> {
  const folder = join(physical, "data", "pg_tblspc");
  const oids: number[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const oid = Number(entry.name);
    await unlink(join(folder, entry.name));
    await symlink(tablespaceFolder(physical, { oid }), join(folder, entry.name));
    oids.push(oid);
  }
  return oids;
}
