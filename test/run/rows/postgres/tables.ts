/** Tables with a bit of everything that rows can have, in schemas and of types of their own. */
export const TABLES = `
CREATE EXTENSION citext; CREATE EXTENSION hstore;
CREATE SCHEMA auth; CREATE TYPE auth.mood AS ENUM ('sad', 'ok'); CREATE DOMAIN auth.mail AS text CHECK (VALUE LIKE '%@%');
CREATE TABLE auth.accounts (
  name citext PRIMARY KEY, mail auth.mail, hash bytea, mood auth.mood, balance numeric(20, 4), seen timestamptz, tags text[],
  doc json, docb jsonb, at point, span tstzrange, more hstore, ratio float8, id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  cents numeric GENERATED ALWAYS AS (balance * 100) STORED);
CREATE TABLE auth.nicks (nick text PRIMARY KEY, account citext NOT NULL REFERENCES auth.accounts);
CREATE TABLE "Odd ""Table""" ("K 1" int, "k'2" text, "Wert ä" text, PRIMARY KEY ("K 1", "k'2"));
CREATE TABLE things (id serial PRIMARY KEY, name text NOT NULL UNIQUE, old int DEFAULT 1);
CREATE TABLE parts (at date, value int, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE parts_2026 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE parts_2027 PARTITION OF parts FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
CREATE TABLE keyless (x int); INSERT INTO keyless VALUES (1);
CREATE TABLE watched (id int PRIMARY KEY, note text); CREATE TABLE seen (note text);
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO seen VALUES (NEW.note); RETURN NEW; END$$;
CREATE TRIGGER watch BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION note_it();
CREATE TABLE users (name text PRIMARY KEY, email text UNIQUE);
CREATE TABLE letters (id int PRIMARY KEY, "to" text REFERENCES users (email) ON UPDATE CASCADE);
CREATE FUNCTION is_user(text) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.users WHERE email = $1)';
CREATE VIEW dear AS SELECT id FROM things;`;

/** To begin again with. */
export const ROWS = `
INSERT INTO auth.accounts (name, mail, hash, mood, balance, seen, tags, doc, docb, at, span, more, ratio) VALUES
  ('Toast', 'toast@example.com', '\\x00ff5c0a', 'ok', 12.3400, '2026-03-29 01:59:59.123456+02', ARRAY['a,b', NULL, '"', E'\\\\\\n\\t'],
    '{"b": 1,  "a": [1.0]}', '{"b": 1}', '(1.5,-2)', '[2026-01-01,2026-02-01)', 'a=>NULL', 0.1),
  ('Jam', 'jam@example.com', NULL, 'sad', -0.0001, 'infinity', '{}', NULL, 'null', NULL, 'empty', '', 'NaN'),
  ('Tea', 'tea@example.com', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '1e300');
INSERT INTO auth.nicks VALUES ('toast', 'Toast'), ('toasty', 'Toast'), ('jam', 'Jam');
INSERT INTO "Odd ""Table""" VALUES (1, 'a''b', E'Zeile\\n\\t\\\\.'), (2, '\\.', 'é');
INSERT INTO things (name) SELECT 'thing ' || n FROM generate_series(1, 19) n;
INSERT INTO things (name) VALUES ('longlonglong');
INSERT INTO parts VALUES ('2026-05-05', 5), ('2027-05-05', 7);
INSERT INTO watched VALUES (1, 'one'); INSERT INTO users VALUES ('a', 'a@x'), ('b', 'b@x');
INSERT INTO letters VALUES (1, 'a@x');`;

/** All of it, in lines that can be compared. */
export const EVERYTHING = [
  "SELECT a::text FROM auth.accounts a ORDER BY id",
  "SELECT * FROM auth.nicks ORDER BY 1",
  'SELECT * FROM "Odd ""Table""" ORDER BY 1',
  "SELECT * FROM things ORDER BY 1",
  "SELECT * FROM parts ORDER BY 1",
  "SELECT * FROM watched",
  "SELECT * FROM users ORDER BY 1",
  "SELECT * FROM letters",
].join(";");
