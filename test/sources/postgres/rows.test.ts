import assert from "node:assert/strict";
import { test } from "node:test";
import { LifeboatError } from "../../../src/errors.ts";
import { requireClosed } from "../../../src/sources/postgres/rows/expression.ts";
import { meantTable } from "../../../src/sources/postgres/rows/names.ts";
import { parentsFirst } from "../../../src/sources/postgres/rows/references.ts";
import { SqlError } from "../../../src/sources/postgres/rows/sql-error.ts";
import type { SharedTable } from "../../../src/sources/postgres/rows/table.ts";

test("a condition stays within the parentheses it is put into, whatever it says", () => {
  for (const sql of [
    "nick = 'toast'",
    "(a = 1) OR b IN (2, 3)",
    `"odd)" = 'it''s; -- not'`,
    "doc ->> 'a' = '$'",
    "x'ff' = y",
  ]) {
    requireClosed("t", sql);
  }
  for (const [sql, why] of [
    ["true) OR (true", "it closes a parenthesis that it does not open"],
    ["(true", "a parenthesis is not closed"],
    ["true; DROP TABLE t", "it has a semicolon"],
    ["true -- all", "it has a comment"],
    ["true /* all */", "it has a comment"],
    ["x = 'open", "a quote is not closed"],
    ['"open = 1', "a quote is not closed"],
    ["x = E'\\'' OR true) --'", "it has a string with escapes (E'…')"],
    ["x = e'a'", "it has a string with escapes (E'…')"],
    ["x = $$')$$", "it has a '$' outside of quotes"],
    ["x = $1", "it has a '$' outside of quotes"],
    [" \n", "it is empty"],
  ] as const) {
    assert.throws(() => requireClosed("t", sql), new RegExp(`: ${why.replace(/[()$]/g, "\\$&")}$`), sql);
  }
});

test("a table's name is read as SQL reads it, and as it is written", () => {
  assert.deepEqual(meantTable("users"), { name: ["users"] });
  assert.deepEqual(meantTable("Auth.Users"), { schema: ["auth", "Auth"], name: ["users", "Users"] });
  assert.deepEqual(meantTable('"a.b"."c""d"'), { schema: ["a.b"], name: ['c"d'] });
  assert.deepEqual(meantTable(" two words "), { name: ["two words"] });
  for (const wrong of ["", "a.b.c", '"open', 'a"b"', ".a", "a."]) {
    assert.throws(() => meantTable(wrong), LifeboatError, `'${wrong}'`);
  }
});

test("parents are written before what refers to them, also where that goes round in circles", () => {
  const table = (name: string, ...parents: readonly string[]) => {
    const references = parents.map((parent) => ({ schema: "public", name: parent, constraint: "k" }));
    return { table: { title: name, live: { schema: "public", name, references } } as unknown as SharedTable };
  };
  const order = (...tables: readonly ReturnType<typeof table>[]) => parentsFirst(tables).map((one) => one.table.title);
  assert.deepEqual(order(table("c", "b"), table("b", "a"), table("a", "a")), ["a", "b", "c"]);
  assert.deepEqual(order(table("a", "b"), table("b", "a"), table("c", "elsewhere")), ["b", "a", "c"]);
});

test("what the server says is read from psql's words in any language, and a lost connection is none of it", () => {
  const said = `psql:<stdin>:3: FEHLER:  23503: Einfügen verletzt Fremdschlüssel
DETAIL:  Schlüssel (a)=(1) fehlt.
SCHEMA NAME:  public
TABLE NAME:  t
CONSTRAINT NAME:  t_a_fkey
LOCATION:  ri_ReportViolation, ri_triggers.c:2650`;
  const { code, message, detail, constraint } = SqlError.from(said)!;
  assert.deepEqual(
    { code, message, detail, constraint },
    {
      code: "23503",
      message: "Einfügen verletzt Fremdschlüssel",
      detail: "Schlüssel (a)=(1) fehlt.",
      constraint: "t_a_fkey",
    },
  );
  assert.equal(SqlError.from("FATAL:  57P01: terminating connection due to administrator command"), undefined);
  assert.equal(SqlError.from('psql: error: connection to server failed: FATAL:  role "x" does not exist'), undefined);
});
