import { LifeboatError } from "../../../errors.ts";
import { identifier } from "../sql.ts";

/** A table of one database. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
}

export function qualified({ schema, name }: TableName): string {
  return `${identifier(schema)}.${identifier(name)}`;
}

/** For people: as they would write it. */
export function titleOf({ schema, name }: TableName): string {
  return schema === "public" ? name : `${schema}.${name}`;
}

/** What a person may have meant by a table's or column's name: each part as SQL reads it, and as it is written. */
export interface MeantName {
  readonly schema?: readonly string[];
  readonly name: readonly string[];
}

/** Reads `table`, `schema.table`, and both with quoted names. Throws "usage" for what is no name. */
export function meantTable(text: string): MeantName {
  const parts = [...text.trim().matchAll(PARTS)];
  const isWhole = parts.reduce((length, [part]) => length + part.length, 0) === text.trim().length;
  const names = parts.map(([, quoted, plain]) =>
    quoted === undefined ? meantColumn(plain ?? "") : [quoted.replaceAll('""', '"')],
  );
  const [first, second] = names;
  if (isWhole && first && names.length === 1) return { name: first };
  if (isWhole && first && second && names.length === 2) return { schema: first, name: second };
  throw new LifeboatError("usage", `'${text}' is no name of a table`, {
    hint: 'Give it as users, auth.users or "Odd name"."of a table".',
  });
}

/** A name that is not quoted: SQL takes it in lower case. */
export function meantColumn(text: string): readonly string[] {
  const folded = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return [...new Set([folded, text])];
}

const PARTS = /(?:^|(?<=.)\.)(?:"((?:[^"]|"")+)"|([^".]+))/gs;
