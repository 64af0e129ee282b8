import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { physicalFolder } from "../file-names.ts";
import { oneLine, quoted } from "../page-words.ts";
import { majorOf } from "../survey.ts";
import type { PhysicalFacts } from "./facts.ts";
import type { StandsOn } from "./foundation.ts";

/** Puts a page beside the data directory of an increment with what it takes to make it whole without this program. */
export async function writeReadmeOfIncrement(
  physical: string,
  name: string,
  facts: Pick<PhysicalFacts, "version" | "versionNumber" | "tablespaces">,
  standsOn: StandsOn,
): Promise<void> {
  const full = `full/backup/${physicalFolder(name)}`;
  const text = `This is an increment of a base backup of the PostgreSQL server ${oneLine(name)}, version ${oneLine(facts.version)}: what has changed in
it since the full backup ${standsOn.backup}. It cannot be started as it is. The whole one comes out of

  lifeboat restore ID --to FOLDER

with the id of this backup. Without that program it takes the full backup's archive, ${standsOn.archive},
in this folder. As root, unpack the base backup that is in it:

${unpacking(standsOn.archive, `backup/${physicalFolder(name)}`)}

Then put the two together, with the programs of PostgreSQL ${majorOf(facts)} and no other major:

${combining(facts, full)}

The folder 'combined' is a data directory that can be started; the page in the full backup's folder says how. Its first
start replays the log, and needs the file backup_label: do not remove it.
`;
  await writeFile(join(physical, "README.txt"), text, { mode: 0o600, flag: "wx" });
}

function unpacking(archive: string, member: string): string {
  const [, packing = "", sealing = ""] = /\.tar(\.zst|\.gz)?(\.gpg)?$/.exec(archive) ?? [];
  const tar = `full.tar${packing}`;
  const unpack =
    { "": "cat", ".zst": "zstd --decompress --stdout", ".gz": "gzip --decompress --stdout" }[packing] ?? "";
  return [
    sealing === "" ? `  cp ${archive} ${tar}` : `  gpg --decrypt ${archive} > ${tar}`,
    `  mkdir full && ${unpack} ${tar} | tar --extract --file=- --directory=full ${quoted(member)}`,
  ].join("\n");
}

/** A tablespace is found by the links of both data directories, and put where the server has it. */
function combining({ tablespaces }: Pick<PhysicalFacts, "tablespaces">, full: string): string {
  const links = tablespaces.flatMap(({ oid }) => [
    `  ln -sfn "$PWD/tablespaces/${oid}" data/pg_tblspc/${oid}`,
    `  [ ! -d ${quoted(full)}/tablespaces/${oid} ] || ln -sfn "$PWD"/${quoted(full)}/tablespaces/${oid} ${quoted(full)}/data/pg_tblspc/${oid}`,
  ]);
  const mappings = tablespaces.map(({ oid, location }) => {
    return ` --tablespace-mapping="$PWD/tablespaces/${oid}"=${quoted(location.replaceAll("=", "\\="))}`;
  });
  return [
    ...links,
    `  pg_combinebackup --manifest-checksums=SHA256${mappings.join("")} --output=combined ${quoted(full)}/data data`,
    "  pg_verifybackup combined",
  ].join("\n");
}
