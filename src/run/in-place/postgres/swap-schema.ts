import { z } from "zod";

/** One database of a restore in place, as the journal has it. */
export const databaseSwapSchema = z.strictObject({
  server: z.string(),
  name: z.string(),
  /** What the new one is called until it takes the name, and again if it is taken away. */
  fresh: z.string(),
  /** What the old one is called once the new one has its name. */
  old: z.string(),
  /** Object ids of both, from the moment before the swap on; null before. */
  ids: z.strictObject({ oldId: z.number().nullable(), oldWasOpen: z.boolean(), freshId: z.number() }).nullable(),
});
export type DatabaseSwap = Readonly<z.infer<typeof databaseSwapSchema>>;

/** Roles that a restore in place made, as the server had none of that name. */
export const madeRolesSchema = z.strictObject({ server: z.string(), roles: z.array(z.string()) });
export type MadeRoles = Readonly<z.infer<typeof madeRolesSchema>>;

/** A new name for the `at`th database of a run, that shows whose it is; as long as PostgreSQL lets names be. */
export function nameBeside(name: string, word: "new" | "old", runId: string, at: number): string {
  const ending = `_${word}_${runId}_${at}`;
  let begin = name;
  while (Buffer.byteLength(begin) > MAX_NAME_BYTES - ending.length) begin = [...begin].slice(0, -1).join("");
  return begin + ending;
}

/** NAMEDATALEN - 1. */
const MAX_NAME_BYTES = 63;
