import { LifeboatError } from "../../errors.ts";
import { freeBytes } from "../../system/files.ts";
import type { PlannedStop } from "../../quiesce/quiescer.ts";
import type { Found } from "../catalogue/find.ts";
import type { Tools } from "../conduct/tools.ts";
import type { Layout } from "./layout.ts";
import type { Prepared } from "./postgres/prepare.ts";
import { whereabouts } from "./postgres/servers.ts";
import type { DatabaseSwap } from "./postgres/swap-schema.ts";

/** What a restore in place is about to do, for a person to say yes to. */
export interface InPlacePlan {
  readonly backup: { readonly id: string; readonly takenAt: string; readonly target: string };
  readonly places: readonly {
    readonly folder: string;
    /** Null: all of it is replaced. */
    readonly only: readonly string[] | null;
    readonly files: number;
    readonly contentBytes: number;
    readonly freeBytes: number;
  }[];
  readonly databases: readonly {
    readonly server: string;
    readonly name: string;
    readonly dumpBytes: number;
    /** Null: there is none of that name now. */
    readonly nowBytes: number | null;
    /** What it took on the server when it was saved: about what the new one needs there. */
    readonly thenBytes: number;
    /** What the old one is called from the swap on; null in a dry run. */
    readonly oldName: string | null;
  }[];
  /** Made first, as the server has none of that name. */
  readonly roles: readonly { readonly server: string; readonly roles: readonly string[] }[];
  readonly stops: readonly PlannedStop[];
  /** "helper": a container of our own image writes, because our mounts are read-only. */
  readonly by: "direct" | "helper";
  readonly keepOld: boolean;
  /** Sentences for a person. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/** All that is known when a plan is shown. */
export interface Planned {
  readonly found: Found;
  readonly layout: Layout;
  readonly prepared: Prepared;
  /** In the order of the prepared databases; none in a dry run. */
  readonly swaps: readonly DatabaseSwap[];
  readonly by: InPlacePlan["by"];
  readonly keepOld: boolean;
}

/** Touches nothing. Rejects when a container that would have to stop cannot be stopped. */
export async function describePlan(about: Planned, { quiescer }: Tools, signal: AbortSignal): Promise<InPlacePlan> {
  const {
    backup: { receipt },
    target,
  } = about.found;
  const { shares, unknown, damaged, hasBaseBackups } = about.layout;
  const { by, keepOld, prepared, swaps } = about;
  const folders = shares.map(({ place }) => place.folder);
  const servers = [...new Set(prepared.databases.map(({ on }) => whereabouts(on)))];
  const { stops, warnings, hasEngine } = await quiescer.planForRestore({ folders, servers }, signal);
  refuseStopped(prepared, stops);
  return {
    backup: { id: receipt.id, takenAt: receipt.takenAt, target: target.name },
    places: await Promise.all(
      shares.map(async ({ place, only, files, contentBytes }) => ({
        folder: place.folder,
        only: only && only.map((path) => Buffer.from(path, "latin1").toString("utf8")),
        files,
        contentBytes,
        freeBytes: await freeBytes(place.folder),
      })),
    ),
    databases: prepared.databases.map(({ server, name, dumpBytes, nowBytes, recorded }, at) => {
      const oldName = swaps[at]?.old ?? null;
      return { server, name, dumpBytes, nowBytes, thenBytes: recorded.sizeBytes, oldName };
    }),
    roles: prepared.missingRoles.map(({ on, roles }) => ({ server: on.name, roles })),
    stops,
    by,
    keepOld,
    notes: [
      ...(hasEngine ? [] : ["there is no Docker socket: see that nothing uses the data"]),
      ...unknown.map(({ folder }) => `'${folder}' is not in this backup and stays as it is`),
      ...(servers.length > 0 ? ["whoever is in one of these databases is thrown out when they change places"] : []),
      ...(hasBaseBackups ? ["base backups of PostgreSQL servers are not put back by this command"] : []),
    ],
    warnings: [...(damaged.sentence === undefined ? [] : [damaged.sentence]), ...warnings],
  };
}

/** Its files would be replaced as well: two backups of one thing, of which only one can win. */
function refuseStopped({ databases }: Prepared, stops: readonly PlannedStop[]): void {
  for (const { on, server } of databases) {
    if (on.container === undefined || !stops.some(({ container }) => container === on.container)) continue;
    throw new LifeboatError("failed", `the server '${server}' would be stopped, so its databases cannot be put back`, {
      hint:
        "Its own files are among what is restored, or it is labelled to be held. Name with --only either the databases " +
        "('.databases') or the files; and leave its data folder out of backups (BACKUP_EXCLUDE). Nothing was touched.",
    });
  }
}
