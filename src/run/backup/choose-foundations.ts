import { describeError } from "../../errors.ts";
import { decideKind, type Shelf } from "../../plan/kind.ts";
import { fileNameOf } from "../../sources/postgres/file-names.ts";
import {
  lastingHindrance,
  nameOfPhysical,
  passingHindrance,
  recordedPhysical,
  type PhysicalFoundation,
} from "../../sources/postgres/physical/foundation.ts";
import { digestOfManifest } from "../../sources/postgres/physical/manifest.ts";
import type { FoundPhysical } from "../../sources/postgres/physical/survey.ts";
import type { KnownBackup, readAllHoldings } from "../catalogue/catalogue.ts";
import type { Conduct } from "../conduct/conduct.ts";
import { keptManifest } from "../catalogue/manifests.ts";
import type { Tools } from "../conduct/tools.ts";

/** By the name of the server: what its base backup is taken against. A server that is not in it is copied whole. */
export type Foundations = ReadonlyMap<string, PhysicalFoundation>;

/** "settings": incrementally where BACKUP_FULL_CRON_EXPRESSION allows it. "full": not this time. */
type WantedKind = "settings" | "full";

/**
 * Decides which base backups of this run are increments, and tells why others are not. A reason that stays until a
 * person does something about it is a warning in each run.
 */
export async function chooseFoundations(
  { wanted, physical, look }: { wanted: WantedKind; physical: readonly FoundPhysical[]; look: Look },
  run: Conduct,
  { config, clock }: Pick<Tools, "config" | "clock">,
  signal: AbortSignal,
): Promise<Foundations> {
  const { fullCronExpression, timeZone } = config.schedule;
  if (fullCronExpression === undefined) return new Map();
  const able = physical.filter((found) => {
    const hindrance = lastingHindrance(found);
    if (hindrance !== undefined) run.warn(hindrance);
    return hindrance === undefined;
  });
  if (wanted === "full" || able.length === 0) return new Map();
  const decision = decideKind({ fullCronExpression, timeZone }, shelvesOf(look), clock.now());
  if (decision.kind === "full") {
    run.say(`a full backup: ${decision.reason}`);
    return new Map();
  }
  const full = look.holdings.flatMap(({ backups }) => backups).find(({ receipt }) => receipt.id === decision.on)!;
  const foundations = new Map<string, PhysicalFoundation>();
  for (const found of able) {
    const { name } = found.server;
    const foundation = await foundationOf(found, full, config.state, signal);
    if (typeof foundation === "object") foundations.set(name, foundation);
    else run.say(`a whole base backup of '${name}': ${foundation}`);
  }
  return foundations;
}

type Look = Awaited<ReturnType<typeof readAllHoldings>>;

function shelvesOf({ holdings, unreadable }: Look): readonly Shelf[] {
  const read = holdings.map(({ target, backups }) => {
    const fulls = backups.filter(({ receipt }) => receipt.kind === "full");
    return {
      target: target.name,
      fulls: fulls.map(({ receipt: { id, outcome, takenAt } }) => ({ id, outcome, takenAt: new Date(takenAt) })),
    };
  });
  return [...read, ...unreadable.map(({ target }) => ({ target: target.name, fulls: undefined }))];
}

/** What the server's increment may stand on; else, in words, why there is nothing. */
async function foundationOf(
  found: FoundPhysical,
  { receipt }: KnownBackup,
  stateFolder: string,
  signal: AbortSignal,
): Promise<PhysicalFoundation | string> {
  const { name } = found.server;
  const source = receipt.sources.find((one) => one.kind === "postgres-physical" && one.name === nameOfPhysical(name));
  if (!source) return `full backup '${receipt.id}' has none of it`;
  if (source.outcome !== "good") return `that in full backup '${receipt.id}' has flaws`;
  const before = recordedPhysical(source);
  const hindrance = passingHindrance(found, before);
  if (hindrance !== undefined) return hindrance;
  const manifestPath = keptManifest(stateFolder, receipt.id, fileNameOf(name));
  try {
    const sha256 = await digestOfManifest(manifestPath, signal);
    if (sha256 !== before.manifestSha256)
      return `its manifest of full backup '${receipt.id}' is damaged in the state folder`;
  } catch (error) {
    signal.throwIfAborted();
    return `its manifest of full backup '${receipt.id}' is not in the state folder (${describeError(error)})`;
  }
  const { id: backup, archive } = receipt;
  return { standsOn: { backup, archive: archive.key, manifestSha256: before.manifestSha256 }, manifestPath };
}
