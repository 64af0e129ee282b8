import type { PostgresServer } from "../../servers/postgres.ts";
import { ACCOUNTS } from "./transfers.ts";

/** A bit of everything that a dump can lose. */
export async function fill(server: PostgresServer): Promise<void> {
  await server.sql(`
    CREATE ROLE reader LOGIN PASSWORD 'hush';
    CREATE EXTENSION pg_trgm;
    CREATE SCHEMA "odd ""schema""";
    CREATE TABLE "odd ""schema"""."Tabelle ä" (
      id serial PRIMARY KEY, price numeric(10, 2), tax numeric GENERATED ALWAYS AS (price * 0.2) STORED, note text);
    INSERT INTO "odd ""schema"""."Tabelle ä" (price, note)
      SELECT n / 7.0, E'Zeile\\n\\t' || n || ' \\\\ ''é' FROM generate_series(1, 5000) n;
    CREATE TABLE parts (at date, value int) PARTITION BY RANGE (at);
    CREATE TABLE parts_2026 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO parts SELECT '2026-01-01'::date + n, n FROM generate_series(0, 300) n;
    CREATE SEQUENCE counter START 41; SELECT nextval('counter'), nextval('counter');
    CREATE VIEW dear AS SELECT note FROM "odd ""schema"""."Tabelle ä" WHERE price > 500;
    CREATE MATERIALIZED VIEW sums AS SELECT sum(value) FROM parts;
    CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
    GRANT SELECT ON dear TO reader;
    SELECT lo_from_bytea(4242, decode(repeat('ab', 300000), 'hex'));
    ${ACCOUNTS}
    ANALYZE;
  `);
  await server.sql(`CREATE DATABASE "a b/c=d" ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
  await server.sql("SET client_encoding = UTF8; CREATE TABLE t (x text); INSERT INTO t VALUES ('déjà vu')", "a b/c=d");
}

/** Gives the database `app` of a server that was filled what belongs to a database as a whole. */
export async function setProperties(server: PostgresServer): Promise<void> {
  await server.sql(`
    ALTER DATABASE app SET work_mem = '8MB';
    ALTER ROLE reader IN DATABASE app SET search_path = "odd ""schema""", 'public';
    ALTER DATABASE app CONNECTION LIMIT 77;
    COMMENT ON DATABASE app IS 'it''s; ALTER DATABASE app';
    REVOKE TEMPORARY ON DATABASE app FROM PUBLIC;
    GRANT CONNECT ON DATABASE app TO reader;`);
}

/** Of the database as a whole, and who may do what with it. */
export const PROPERTIES = `
SELECT pg_get_userbyid(datdba), datconnlimit, (SELECT string_agg(a::text, chr(44) ORDER BY a::text) FROM unnest(datacl) a), shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database();
SELECT setrole::regrole, setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database() ORDER BY 1;
`;

/** Everything of the database `app` that does not move under load, in lines that can be compared. */
export const PORTRAIT = `
SELECT 'encoding', pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database();
SELECT 'odd', count(*), md5(string_agg(t::text, '|' ORDER BY id)) FROM "odd ""schema"""."Tabelle ä" t;
SELECT 'parts', count(*), sum(value) FROM parts_2026;
SELECT 'sequence', last_value FROM counter;
SELECT 'generated', attname, attgenerated FROM pg_attribute WHERE attgenerated <> '';
SELECT 'view', (SELECT count(*) FROM dear), has_table_privilege('reader', 'dear', 'SELECT');
SELECT 'sums', * FROM sums;
SELECT 'function', twice(21);
SELECT 'large object', length(lo_get(4242)), md5(lo_get(4242));
SELECT 'extension', extname FROM pg_extension ORDER BY extname;
SELECT 'constraint', conname FROM pg_constraint WHERE contype = 'p' AND connamespace = 'public'::regnamespace ORDER BY conname;
SELECT 'tables', relname, relkind FROM pg_class WHERE relnamespace::regnamespace::text NOT LIKE 'pg_%'
  AND relnamespace <> 'information_schema'::regnamespace ORDER BY relname;
`;
