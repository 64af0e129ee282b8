import { literal } from "./sql.ts";

/** What an extension needs beside being installed, for a dump with it to load. Each of them has to be preloaded. */
interface Needs {
  /** Of the sessions that load the dump. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A function of the extension, to be called once all is loaded. */
  readonly after?: string;
  /** Only the database that a setting of the server names may have it; all that belongs to it lies in this schema. */
  readonly home?: { readonly setting: string; readonly schema: string };
}

const NEEDS: ReadonlyMap<string, Needs> = new Map<string, Needs>([
  ["citus", {}],
  ["pg_cron", { home: { setting: "cron.database_name", schema: "cron" } }],
  ["timescaledb", { settings: { "timescaledb.restoring": "on" }, after: "timescaledb_post_restore" }],
]);

/** Names of extensions that a database has or had, to their versions. */
export type Extensions = Readonly<Record<string, string>>;

function needsOf(extensions: Extensions): readonly (readonly [string, Needs])[] {
  return [...NEEDS].filter(([name]) => name in extensions);
}

/** What the sessions that load a dump with these extensions have set. */
export function settingsToLoad(extensions: Extensions): Readonly<Record<string, string>> {
  return Object.assign({}, ...needsOf(extensions).map(([, { settings }]) => settings)) as Record<string, string>;
}

/** Functions to be called, in whatever schema the extension is, when a dump with these extensions is loaded. */
export function callsAfterLoad(
  extensions: Extensions,
): readonly { readonly extension: string; readonly call: string }[] {
  return needsOf(extensions).flatMap(([extension, { after }]) =>
    after === undefined ? [] : [{ extension, call: after }],
  );
}

/** SQL for psql that calls them. */
export function sqlAfterLoad(extensions: Extensions): string {
  return callsAfterLoad(extensions)
    .map(
      ({ extension, call }) => `SELECT format('SELECT %I.%I()', nspname, ${literal(call)}) FROM pg_catalog.pg_extension
        JOIN pg_catalog.pg_namespace n ON n.oid = extnamespace WHERE extname = ${literal(extension)} \\gexec`,
    )
    .join("\n");
}

/** Those that a database can have only under its own name. */
export function boundToName(
  extensions: Extensions,
): readonly { readonly extension: string; readonly schema: string; readonly setting: string }[] {
  return needsOf(extensions).flatMap(([extension, { home }]) => (home ? [{ extension, ...home }] : []));
}

/** Settings of a server that tell whether it can have such extensions. */
export const TELLING_SETTINGS: readonly string[] = [
  "shared_preload_libraries",
  ...[...NEEDS.values()].flatMap(({ home }) => (home ? [home.setting] : [])),
];

/** Why a server cannot have the extensions of the database `name`, in words. A setting that is not known tells nothing. */
export function unmetNeeds(
  name: string,
  extensions: Extensions,
  settings: Readonly<Record<string, string>>,
): readonly string[] {
  const libraries = settings["shared_preload_libraries"];
  const preloaded = libraries?.split(",").map((one) => one.trim().replaceAll('"', ""));
  return needsOf(extensions).flatMap(([extension, { home }]) => {
    if (preloaded && !preloaded.includes(extension)) {
      return [
        `extension '${extension}' of '${name}' has to be in its shared_preload_libraries, which are '${libraries}'`,
      ];
    }
    const bound = home && settings[home.setting];
    if (home === undefined || bound === undefined || bound === name) return [];
    return [`only its database '${bound}' may have extension '${extension}', which '${name}' has (${home.setting})`];
  });
}
