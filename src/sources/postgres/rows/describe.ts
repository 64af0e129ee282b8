import { literal } from "../sql.ts";
import type { MeantName, TableName } from "./names.ts";
import type { Session } from "./session.ts";

/** A table, view or the like, as the catalog of its database has it. */
export interface Described extends TableName {
  /** "r" table, "p" partitioned table; "v", "m", "f": what only looks like one. */
  readonly kind: string;
  readonly columns: readonly Column[];
  /** What tells its rows apart: the primary key first, then unique indexes. */
  readonly keys: readonly Key[];
  readonly triggers: readonly string[];
  readonly rules: readonly string[];
  /** The tables that its rows refer to, by the name of the foreign key. */
  readonly references: readonly Reference[];
  /** The foreign keys of other tables that would carry a change of its rows over to theirs. */
  readonly cascades: readonly Cascade[];
}

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly generated: boolean;
  /** GENERATED ALWAYS AS IDENTITY: it can be set when a row is added, and not afterwards. */
  readonly always: boolean;
  /** Gives its numbers, if they are whole numbers. */
  readonly sequence: TableName | null;
}

export interface Key {
  readonly primary: boolean;
  readonly columns: readonly { readonly name: string; readonly equals: string }[];
}

export interface Reference extends TableName {
  readonly constraint: string;
}

export interface Cascade extends Reference {
  /** Columns of ours, those of the other table that refer to them, and how they are compared. */
  readonly pairs: readonly { readonly ours: string; readonly theirs: string; readonly equals: string }[];
}

/** All tables and views that may be meant, in any schema but the system's. */
export async function describe(session: Session, { schema, name }: MeantName): Promise<readonly Described[]> {
  const inSchema = schema === undefined ? "" : `AND n.nspname IN (${schema.map(literal).join(", ")})`;
  const sql = `SELECT coalesce(json_agg(t), '[]') FROM (${TABLE}
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname IN (${name.map(literal).join(", ")}) ${inSchema}
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') AS t`;
  return (await session.ask(sql)) as Described[];
}

/** Some names of tables there are, for a hint. */
export async function someTables(session: Session): Promise<string> {
  const sql = `SELECT coalesce(json_agg(name), '[]') FROM (
    SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ORDER BY 1 LIMIT 50) AS t`;
  return ((await session.ask(sql)) as string[]).join(", ");
}

/** The operator of an index, by which alone its key is unique: that of citext is not the one for text. */
const KEY = `
SELECT json_agg(json_build_object('name', a.attname, 'equals', format('OPERATOR(%I.%s)', opn.nspname, o.oprname)) ORDER BY k.at)
FROM generate_series(0, i.indnkeyatts - 1) AS k(at)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.at]
JOIN pg_opclass oc ON oc.oid = i.indclass[k.at]
JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amoplefttype = oc.opcintype
  AND ao.amoprighttype = oc.opcintype AND ao.amopstrategy = 3
JOIN pg_operator o ON o.oid = ao.amopopr JOIN pg_namespace opn ON opn.oid = o.oprnamespace`;

/** Of a serial or identity column, or of a default that was written by hand. */
const SEQUENCE = `
SELECT json_build_object('schema', sn.nspname, 'name', s.relname)
FROM pg_class s JOIN pg_namespace sn ON sn.oid = s.relnamespace
WHERE s.relkind = 'S' AND a.atttypid IN (20, 21, 23) AND s.oid IN (
  SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
    AND refobjid = a.attrelid AND refobjsubid = a.attnum AND deptype IN ('a', 'i')
  UNION SELECT d.refobjid FROM pg_attrdef ad JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = ad.oid
    WHERE ad.adrelid = a.attrelid AND ad.adnum = a.attnum AND d.refclassid = 'pg_class'::regclass)
ORDER BY s.oid LIMIT 1`;

const PAIRS = `
SELECT json_agg(json_build_object('ours', oa.attname, 'theirs', ta.attname,
  'equals', format('OPERATOR(%I.%s)', opn.nspname, o.oprname)) ORDER BY s)
FROM generate_subscripts(k.conkey, 1) AS s
JOIN pg_attribute oa ON oa.attrelid = k.confrelid AND oa.attnum = k.confkey[s]
JOIN pg_attribute ta ON ta.attrelid = k.conrelid AND ta.attnum = k.conkey[s]
JOIN pg_operator o ON o.oid = k.conpfeqop[s] JOIN pg_namespace opn ON opn.oid = o.oprnamespace`;

/** to_jsonb where a column came with a version. Triggers: before or after a row is written, those of partitions too. */
const TABLE = `
SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind,
  coalesce((SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'generated', coalesce(to_jsonb(a) ->> 'attgenerated', '') <> '', 'always', a.attidentity = 'a', 'sequence', (${SEQUENCE})
    ) ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
  coalesce((SELECT json_agg(json_build_object('primary', i.indisprimary, 'columns', (${KEY})) ORDER BY i.indisprimary DESC, i.indexrelid)
    FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam
    WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
      AND am.amname = 'btree'), '[]') AS keys,
  coalesce((SELECT json_agg(DISTINCT t.tgname) FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
    AND t.tgtype & 28 <> 0 AND t.tgrelid IN (
      WITH RECURSIVE tree(oid) AS (SELECT c.oid UNION ALL
        SELECT inhrelid FROM pg_inherits JOIN tree ON inhparent = tree.oid WHERE c.relkind = 'p') SELECT oid FROM tree)), '[]') AS triggers,
  coalesce((SELECT json_agg(rulename ORDER BY rulename) FROM pg_rewrite
    WHERE ev_class = c.oid AND ev_enabled <> 'D' AND rulename <> '_RETURN'), '[]') AS rules,
  coalesce((SELECT json_agg(json_build_object('constraint', k.conname, 'schema', kn.nspname, 'name', kc.relname))
    FROM pg_constraint k JOIN pg_class kc ON kc.oid = k.confrelid JOIN pg_namespace kn ON kn.oid = kc.relnamespace
    WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.conparentid = 0), '[]') AS references,
  coalesce((SELECT json_agg(json_build_object('constraint', k.conname, 'schema', kn.nspname, 'name', kc.relname, 'pairs', (${PAIRS})))
    FROM pg_constraint k JOIN pg_class kc ON kc.oid = k.conrelid JOIN pg_namespace kn ON kn.oid = kc.relnamespace
    WHERE k.contype = 'f' AND k.confrelid = c.oid AND k.conparentid = 0 AND k.confupdtype IN ('c', 'n', 'd')), '[]') AS cascades
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace`;
