import { LifeboatError } from "../../../errors.ts";
import type { PostgresServer } from "../server.ts";
import type { ChosenTable } from "./chosen-table.ts";
import { explainedReference } from "./references.ts";
import { SqlError } from "./sql-error.ts";

/** What it means that the server refused to write rows. Nothing was written then. */
export function explainedWrite(error: unknown, tables: readonly ChosenTable[], { user }: PostgresServer): unknown {
  if (!(error instanceof SqlError)) return error;
  const { code, message, detail } = error;
  const failed = (what: string, hint: string) =>
    new LifeboatError("failed", what, { hint: `Nothing was written. ${hint}`, cause: error });
  if (code === "23503") return explainedReference(error, tables);
  if (code === "23505" || code === "23P01") {
    return failed(
      `a row of the backup does not fit beside the live ones: ${[message, detail].filter(Boolean).join(": ")}`,
      "Another row has taken that value since; change it there, or choose other rows.",
    );
  }
  // Their details are whole rows.
  if (/^2[23]/.test(code)) {
    return failed(`a row of the backup does not fit into the live table: ${message}`, "The table has changed since.");
  }
  if (/^(55P03|40P01|40001)$/.test(code)) {
    return failed("the rows are locked by another session", "Stop what writes to them for a moment, or try again.");
  }
  if (code === "42501") {
    return failed(
      `user '${user}' may not write these rows: ${message}`,
      "Give this one command a user who may, such as the owner of the tables.",
    );
  }
  return failed(`PostgreSQL does not write the rows: ${message}`, "The server's log may say more.");
}
