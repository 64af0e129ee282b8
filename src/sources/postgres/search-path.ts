import { PostgresError } from "./failure.ts";
import { literal } from "./sql.ts";

/** True if a load ended as something was not found that may be in a schema nobody named. */
export function mayBeForSearchPath(error: unknown): boolean {
  return error instanceof PostgresError && NOT_FOUND.test(error.message);
}

const NOT_FOUND =
  /(?:function|procedure|aggregate|operator|type|relation|collation|configuration|dictionary) .* does not exist/;

/**
 * Where the applications of a database look for names, as SET has it: what is set for `owner` and for the database, else
 * the server's own; then `public`, and the schemas of extensions. `ask` gives the one JSON value that SQL selects there.
 */
export async function searchPathIn(ask: (sql: string) => Promise<unknown>, owner: string): Promise<string> {
  const sql = `
SELECT json_build_array(concat_ws(', ',
  (SELECT string_agg(substr(one, 13), ', ' ORDER BY setrole = 0, setdatabase = 0)
    FROM pg_catalog.pg_db_role_setting s, unnest(setconfig) AS one
    WHERE one LIKE 'search\\_path=_%' AND (setrole = 0 OR setrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = ${literal(owner)}))
      AND (setdatabase = 0 OR setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))),
  nullif((SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'), ''), 'public',
  (SELECT string_agg(DISTINCT quote_ident(nspname), ', ') FROM pg_catalog.pg_extension
    JOIN pg_catalog.pg_namespace n ON n.oid = extnamespace WHERE nspname <> 'pg_catalog')),
  quote_ident(${literal(owner)}));`;
  const [path, quotedOwner] = (await ask(sql)) as [string, string];
  return path.replaceAll('"$user"', () => quotedOwner);
}
