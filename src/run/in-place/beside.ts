import { randomBytes } from "node:crypto";
import { LifeboatError } from "../../errors.ts";
import type { RunReport } from "../../report/outcome.ts";
import { printable, type ByteString } from "../../sources/names.ts";
import type { Wanted } from "../catalogue/find.ts";
import type { Tools } from "../conduct/tools.ts";
import { requireRoom, stageAll, withBackup, type InPlaceRequest } from "./in-place.ts";
import type { Layout, Share } from "./layout.ts";
import { makeJob, ownFolders } from "./make-job.ts";
import { requireNewName } from "./new-name.ts";
import { isAtOrBelow } from "./paths.ts";
import { progressOf } from "./progress.ts";
import { chooseWorker } from "./worker.ts";

/** Paths relative to the sources. */
export interface BesideRequest extends Wanted, Pick<InPlaceRequest, "recover"> {
  readonly only: ByteString;
  /** Free, in a folder that is there, and on the same mount as the live one. */
  readonly as: ByteString;
}

/**
 * Puts one file or folder of a backup beside the live one, under a name that is free, checked as any restore in place.
 * Nothing is stopped and nothing is replaced, so nobody is asked. A run that dies leaves all of it or nothing.
 */
export async function restoreBeside(
  { only, as, ...wanted }: BesideRequest,
  tools: Tools,
  signal: AbortSignal,
): Promise<RunReport> {
  await requireNewName(tools.config.sources, as, [...(await ownFolders(tools))]);
  const request = { ...wanted, only: [only], keepOld: false, confirm: async () => true };
  return await withBackup(request, tools, signal, async (run, found, fetched, layout) => {
    const share = onlyShare(layout, only);
    const [from, to] = [only, as].map((path) => withinPlace(share, layout, path));
    const job = await makeJob(randomBytes(4).toString("hex"), layout, tools);
    const worker = await chooseWorker(job, layout, tools, signal);
    await requireRoom(layout, found.backup.receipt);
    const backupId = found.backup.receipt.id;
    await using progress = await progressOf(
      { version: 1, backupId, job, byHelper: worker.kind === "helper", keepOld: false, databases: [], roles: [] },
      worker.open,
      async () => {},
    );
    try {
      await stageAll(progress, found, fetched, layout, run, tools, signal);
      await progress.work((work) => work.putBeside(0, from!, to!));
    } finally {
      await progress.abandon();
    }
    run.say(`'${printable(only)}' of backup '${backupId}' is at '${printable(as)}' now`);
  });
}

function onlyShare({ shares, stored }: Layout, only: ByteString): Share {
  const [share, another] = shares;
  if (share?.place.kind === "folder" && another === undefined && !stored.some(({ isWanted }) => isWanted)) return share;
  throw new LifeboatError("usage", `'${printable(only)}' cannot be put beside the live one`, {
    hint: "It takes a file or folder that lies on one mounted folder. Dumps of databases, single files that are mounted, and folders across several mounts go with --to FOLDER. Nothing was touched.",
  });
}

/** The path as seen from the place. Both ends of a rename are on one mount. */
function withinPlace({ place }: Share, { shares, unknown }: Layout, path: ByteString): ByteString {
  const own = Buffer.from(place.path).toString("latin1");
  const others = [...shares.map((share) => share.place), ...unknown].filter((other) => other !== place);
  const isElsewhere = others.some((other) => {
    const inner = Buffer.from(other.path).toString("latin1");
    return inner.length > own.length && isAtOrBelow(path, inner);
  });
  if (isAtOrBelow(path, own) && !isElsewhere) return own === "" ? path : path.slice(own.length + 1);
  throw new LifeboatError("usage", `'${printable(path)}' is on another mount than what is put there`, {
    hint: `Give a name below '${printable(own)}', beside the live one. Nothing was touched.`,
  });
}
