import type { TableOutcome } from "../../rows.ts";
import { literal } from "../sql.ts";
import type { ChosenTable } from "./chosen-table.ts";
import { qualified, titleOf } from "./names.ts";
import type { Session } from "./session.ts";

export type Advance = NonNullable<TableOutcome["advanced"]>[number] & { readonly sql: string };

/** The sequences that would give numbers again which the added rows have, and what moves them behind those. */
export async function neededAdvances(session: Session, { name, table }: ChosenTable): Promise<readonly Advance[]> {
  const advances: Advance[] = [];
  for (const [at, { sequence }] of table.columns.entries()) {
    if (!sequence) continue;
    const isUp = "q.seqincrement > 0";
    const to = (await session.ask(
      `SELECT coalesce((SELECT to_json(n.top::text) FROM pg_sequence AS q, ${qualified(sequence)} AS s, LATERAL (
        SELECT CASE WHEN ${isUp} THEN max(b.c${at}) ELSE min(b.c${at}) END::bigint AS top FROM ${name} AS b
        WHERE NOT b.is_there AND b.c${at}::bigint BETWEEN q.seqmin AND q.seqmax) AS n
      WHERE q.seqrelid = ${literal(qualified(sequence))}::regclass AND CASE WHEN ${isUp}
        THEN n.top > s.last_value OR n.top = s.last_value AND NOT s.is_called
        ELSE n.top < s.last_value OR n.top = s.last_value AND NOT s.is_called END), 'null')`,
    )) as string | null;
    if (to === null) continue;
    advances.push({
      ...{ sequence: titleOf(sequence), to },
      sql: `SELECT to_json(setval(${literal(qualified(sequence))}, ${to}, true))`,
    });
  }
  return advances;
}
