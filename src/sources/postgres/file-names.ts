/** Folder in the archive that holds all dumps: `backup/.databases`. */
export const DUMPS_FOLDER = ".databases";

/** A file name for anything a database or server may be called: percent-encoded where it must be; never hidden. */
export function fileNameOf(name: string): string {
  return name.replace(/[%/\p{Cc}\\]|^[.-]/gu, (character) =>
    Array.from(Buffer.from(character), (byte) => `%${byte.toString(16).padStart(2, "0").toUpperCase()}`).join(""),
  );
}

export function dumpPath(server: string, database: string): string {
  return `${DUMPS_FOLDER}/${fileNameOf(server)}/${fileNameOf(database)}.pgdump`;
}

/** SQL with what belongs to the database as a whole. No database's own file ends so, nor do the globals. */
export function settingsPath(server: string, database: string): string {
  return `${DUMPS_FOLDER}/${fileNameOf(server)}/${fileNameOf(database)}.settings.sql`;
}

export function globalsPath(server: string): string {
  return `${DUMPS_FOLDER}/${fileNameOf(server)}/globals.sql`;
}

/** Of everything of one server. */
export function serverFolder(server: string): string {
  return `${DUMPS_FOLDER}/${fileNameOf(server)}`;
}

/** Of its base backup: beside the dumps, whose names end in .pgdump or .sql. */
export function physicalFolder(server: string): string {
  return `${serverFolder(server)}/physical`;
}
