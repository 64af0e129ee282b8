import { text } from "node:stream/consumers";
import { printDump, type DumpFile } from "./dump-file.ts";
import { identifier } from "./sql.ts";
import { NAME, statementsIn } from "./statements.ts";

/**
 * What a dump has about the database as a whole (settings, privileges, comment, connection limit, also what roles have
 * set for it), as SQL for a database called `name`. Not its encoding, locale and owner: it is made with those.
 */
export async function databaseProperties(dump: DumpFile, name: string, signal: AbortSignal): Promise<string> {
  // Narrowed to a schema that is not there, only what belongs to the database itself is left.
  const program = printDump(dump, ["--create", "--schema-only", `--schema=${NO_SCHEMA}`], signal);
  const sql = await text(program.stdout);
  await program.done;
  return statementsIn(sql)
    .flatMap((statement) => renamed(statement, name) ?? [])
    .join("\n");
}

const NO_SCHEMA = "lifeboat: none";

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
