import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MemberList, Stage } from "../source.ts";
import type { DatabaseFacts } from "./facts.ts";
import { DUMPS_FOLDER, fileNameOf } from "./file-names.ts";
import { oneLine, quoted } from "./page-words.ts";
import { connectionTo } from "./load.ts";
import { commandsToLoad } from "./readme-load.ts";
import type { FoundServer } from "./survey.ts";

/** A database that was dumped, and what was found out about it. */
export interface Dumped {
  readonly server: FoundServer;
  readonly database: string;
  readonly facts: DatabaseFacts;
}

/** The folder of all dumps, and in it a page with the commands that load them without this program. */
export async function readmeOfDumps(dumped: readonly Dumped[], stage: Stage): Promise<MemberList> {
  const root = join(stage.folder, "readme");
  const path = `${DUMPS_FOLDER}/README.txt`;
  const listFile = join(stage.folder, "readme.list");
  await mkdir(join(root, DUMPS_FOLDER), { recursive: true, mode: 0o700 });
  await writeFile(join(root, path), textOf(dumped), { mode: 0o600 });
  await writeFile(listFile, `./${DUMPS_FOLDER}\0./${path}\0`);
  return { root, listFile, inPlace: false, owner: { uid: 0, gid: 0 } };
}

function textOf(dumped: readonly Dumped[]): string {
  const servers = [...new Set(dumped.map(({ server }) => server))];
  const parts = servers.map((server) =>
    partOf(
      server,
      dumped.filter((one) => one.server === server),
    ),
  );
  return [INTRODUCTION, ...parts].join("\n");
}

const INTRODUCTION = `These are dumps of PostgreSQL databases. To load them by hand, with the client programs of PostgreSQL:

- Run the commands in the folder of the server's dumps, as a superuser, with PGHOST, PGUSER and PGPASSWORD set, or
  inside the server's container. The new server must have the same major version as the old one, or a newer one.
- First the roles. "already exists" is fine: such a role stays as it is.
- Then a new, empty database. Do not create one that exists and is empty, such as the one that a new container of the
  image postgres makes. Never load into one that holds something.
- Then the dump. It stops at the first error; the database is not complete then. Drop it and begin again.
- Then what belongs to the database as a whole: its owner, its settings and those that roles have in it, its privileges,
  comment and limit of connections. They are given last, because a load may not get along with them.
- Something "does not exist" that is there? A function looks for it by search_path, which a dump has empty. Begin again,
  and name the schemas that its application looks into:

    pg_restore --file=DATABASE.sql DATABASE.pgdump
    sed "s/^SELECT pg_catalog.set_config('search_path', '', false);$/SET search_path = public;/" DATABASE.sql |
      psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --output=/dev/null --dbname=DATABASE
`;

function partOf(found: FoundServer, dumped: readonly Dumped[]): string {
  const { server, facts } = found;
  const lines = [
    `Server ${oneLine(server.name)}, PostgreSQL ${facts.version}, in the folder ${quoted(fileNameOf(server.name))}:`,
    "",
    "  psql --no-psqlrc --dbname=postgres --file=globals.sql",
  ];
  if (!facts.readsPasswords) {
    lines.push(
      "  # Without passwords, which the user of the backup may not read: set them with ALTER ROLE … PASSWORD.",
    );
  }
  for (const { database, facts: about } of dumped) {
    lines.push("");
    if (about.tablespace !== DEFAULT_TABLESPACE) lines.push(`  # ${NEEDS_TABLESPACE}`);
    lines.push(`  createdb --template=template0 ${optionsOf(about).join(" ")} -- ${quoted(database)}`);
    lines.push(...commandsToLoad(found, database, about).map((line) => `  ${line}`));
    const settings = quoted(`${fileNameOf(database)}.settings.sql`);
    // In the database itself: a comment is kept in the encoding of the session's database, and read in that of another.
    lines.push(
      `  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=${quoted(connectionTo(database))} --file=${settings}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

const DEFAULT_TABLESPACE = "pg_default";
const NEEDS_TABLESPACE =
  "The next one lies in a tablespace, which globals.sql makes if its folder is there. Without --tablespace it needs none.";

function optionsOf(about: DatabaseFacts): string[] {
  const { owner, encoding, collate, ctype, localeProvider, locale, icuRules, tablespace } = about;
  const provider: Readonly<Record<string, readonly string[]>> = {
    i: [
      "--locale-provider=icu",
      ...(locale ? [`--icu-locale=${quoted(locale)}`] : []),
      ...(icuRules ? [`--icu-rules=${quoted(icuRules)}`] : []),
    ],
    b: ["--locale-provider=builtin", ...(locale ? [`--builtin-locale=${quoted(locale)}`] : [])],
  };
  return [
    ...[`--owner=${quoted(owner)}`, `--encoding=${quoted(encoding)}`],
    ...[`--lc-collate=${quoted(collate)}`, `--lc-ctype=${quoted(ctype)}`],
    ...(provider[localeProvider] ?? []),
    ...(tablespace === DEFAULT_TABLESPACE ? [] : [`--tablespace=${quoted(tablespace)}`]),
  ];
}
