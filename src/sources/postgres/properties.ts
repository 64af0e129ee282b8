import { buffer, text } from "node:stream/consumers";
import { printDump, type DumpFile } from "./dump-file.ts";
import { identifier } from "./sql.ts";
import { NAME, statementsIn } from "./statements.ts";

/**
 * What a dump has about the database as a whole (settings, privileges, comment, connection limit, also what roles have
 * set for it), as SQL for a database called `name`. Not its encoding, locale and owner: it is made with those.
 */
export async function databaseProperties(dump: DumpFile, name: string, signal: AbortSignal): Promise<string> {
  const program = printDump(dump, ONLY_DATABASE, signal);
  const sql = await text(program.stdout);
  await program.done;
  return statementsIn(sql)
    .flatMap((statement) => renamed(statement, name) ?? [])
    .join("\n");
}

/** The same and its owner, for a database of its own name: a script for psql in that, in the dump's own encoding. */
export async function settingsScript(dump: DumpFile, signal: AbortSignal): Promise<Buffer> {
  const program = printDump(dump, ONLY_DATABASE, signal);
  // A character for each byte, whatever they mean together.
  const sql = (await buffer(program.stdout)).toString("latin1");
  await program.done;
  const statements = statementsIn(sql).filter(
    (statement) => /^SET (client_encoding|standard_conforming_strings) = /.test(statement) || isAbout(statement),
  );
  return Buffer.from(statements.map((statement) => `${statement}\n`).join(""), "latin1");
}

function isAbout(statement: string): boolean {
  const [, , after] = ABOUT_DATABASE.exec(statement) ?? [];
  return after !== undefined && !after.startsWith(" IS_TEMPLATE ");
}

/** Narrowed to a schema that is not there, only what belongs to the database itself is left. */
const ONLY_DATABASE = ["--create", "--schema-only", "--schema=lifeboat: none"];

/** Everything that is said to a database, but for what would make it one that cannot be dropped. */
function renamed(statement: string, name: string): string | undefined {
  const [, before, after] = ABOUT_DATABASE.exec(statement) ?? [];
  if (before === undefined || after === undefined || /^ (?:OWNER TO|IS_TEMPLATE) /.test(after)) return undefined;
  return `${before}${identifier(name)}${after}`;
}

const ABOUT_DATABASE = new RegExp(
  String.raw`^((?:ALTER|COMMENT ON|(?:GRANT|REVOKE) [A-Z, ]+ ON|ALTER ROLE ${NAME} IN|SECURITY LABEL FOR ${NAME} ON) DATABASE )${NAME}( .*)$`,
  "s",
);
