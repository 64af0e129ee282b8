import { callsAfterLoad, settingsToLoad } from "./extensions.ts";
import type { DatabaseFacts } from "./facts.ts";
import { fileNameOf } from "./file-names.ts";
import { connectionTo } from "./load.ts";
import { quoted } from "./page-words.ts";
import { majorOf, type FoundServer } from "./survey.ts";

/** The commands that load one dump into a database that is there and empty, for a page. */
export function commandsToLoad(
  { server, facts, client }: Pick<FoundServer, "server" | "facts" | "client">,
  database: string,
  { eventTriggers, extensions }: Pick<DatabaseFacts, "eventTriggers" | "extensions">,
): readonly string[] {
  const file = (ending: string) => quoted(`${fileNameOf(database)}.${ending}`);
  const target = `--dbname=${quoted(connectionTo(database))}`;
  const settings = Object.entries(settingsToLoad(extensions)).map(([name, value]) => `-c ${name}=${value}`);
  const session = settings.length === 0 ? "" : `PGOPTIONS=${quoted(settings.join(" "))} `;
  const listed = eventTriggers > 0 ? `--use-list=${file("order")} ` : "";
  const lines: string[] = [];
  if (listed) {
    lines.push(
      "# Event triggers last: they would fire at what comes behind them.",
      `pg_restore --list ${file("pgdump")} >${file("list")}`,
      `awk ${LAST} ${file("list")} >${file("order")}`,
    );
  }
  if (server.programs === "image" && client.major > majorOf(facts)) {
    lines.push(
      `# By pg_restore of PostgreSQL ${client.major} or newer, as an older one does not read what pg_dump ${client.major} wrote, and without`,
      `# what PostgreSQL ${majorOf(facts)} does not know. Lifeboat's image has such a pg_restore.`,
      `pg_restore ${listed}--file=${file("sql")} ${file("pgdump")}`,
      `sed ${UNKNOWN} ${file("sql")} | ${session}psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --output=/dev/null ${target}`,
    );
  } else {
    lines.push(`${session}pg_restore --exit-on-error ${listed}${target} ${file("pgdump")}`);
  }
  for (const { extension, call } of callsAfterLoad(extensions)) {
    lines.push(
      `psql --no-psqlrc ${target} --command='SELECT ${call}()'`,
      `# If ${extension} is in another schema than public: SELECT schema.${call}().`,
    );
  }
  return lines;
}

const LAST = String.raw`'/ EVENT TRIGGER /{last = last $0 "\n"; next} {print} END {printf "%s", last}'`;

/** Statements before the first rows that older servers refuse (foreign-words.ts). */
const UNKNOWN = "'1,/^COPY .* FROM stdin;$/{/^SET transaction_timeout = 0;$/d;/^ALTER .* SET (pg_attver=[0-9]*);$/d;}'";
