import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { oneLine, quoted } from "../page-words.ts";
import { majorOf } from "../survey.ts";
import type { PhysicalFacts } from "./facts.ts";
import type { WalRange } from "./manifest.ts";

type Described = Pick<PhysicalFacts, "version" | "versionNumber" | "inRecovery" | "tablespaces">;

/** Puts a page beside the data directory with what it takes to start it without this program. */
export async function writeReadme(
  physical: string,
  name: string,
  facts: Described,
  walRanges: readonly WalRange[],
): Promise<void> {
  const parts = [introduction(name, facts, walRanges), tablespaces(facts), check(facts), start(facts), pointInTime()];
  const text = parts.filter((part) => part !== "").join("\n");
  await writeFile(join(physical, "README.txt"), text, { mode: 0o600, flag: "wx" });
}

function introduction(name: string, facts: Described, walRanges: readonly WalRange[]): string {
  const ranges = walRanges.map(
    ({ timeline, startLsn, stopLsn }) => `${startLsn} to ${stopLsn} on timeline ${timeline}`,
  );
  return `This is a base backup of the PostgreSQL server ${oneLine(name)}, version ${oneLine(facts.version)}: a data directory that can
be started, with the write-ahead log that makes it consistent, ${ranges.join(", ")}.
`;
}

function tablespaces({ tablespaces }: Described): string {
  if (tablespaces.length === 0) return "";
  const lines = tablespaces.map((one) => {
    const to = quoted(one.location);
    return `  mkdir -p ${to} && cp -a tablespaces/${one.oid}/. ${to} && chown -R postgres:postgres ${to}`;
  });
  return `First put its tablespaces where the links in data/pg_tblspc lead to, or change these links:

${lines.join("\n")}
`;
}

function check(facts: Described): string {
  return `To compare all of it with what the server has sent, before the first start, with the programs of PostgreSQL ${majorOf(facts)}:

  pg_verifybackup data
`;
}

function start(facts: Described): string {
  const major = majorOf(facts);
  const standby = facts.inRecovery
    ? "\nThe server was a standby, and this will be one: to start it as a server of its own, remove data/standby.signal first.\n"
    : "";
  return `To start it, with PostgreSQL ${major} and no other major, on the same kind of processor, and with the same locales:
put the folder data where the user postgres may enter, give it to that user, and start it as that user:

  chown -R postgres:postgres data
  postgres -D data

or mount it into the image postgres:${major} in the place of its data directory. The first start replays the log, and needs the
file backup_label: do not remove it. Where postgresql.conf is kept elsewhere, as Debian's packages do in
/etc/postgresql, it is not in here.
${standby}`;
}

function pointInTime(): string {
  return `It starts as the server was when the base backup ended. If the server archives its log (archive_command), it can go on from
there to any later moment. Before the first start, add to data/postgresql.auto.conf

  restore_command = 'cp /path/to/the/archive/%f "%p"'
  recovery_target_time = '2026-02-14 02:00:00+00'
  recovery_target_action = 'promote'

and make an empty file data/recovery.signal. Of an archive that pg_receivewal writes, first copy the newest segment, which ends
in .partial, to its name without that ending: recovery passes it over otherwise, and says nothing.
`;
}
