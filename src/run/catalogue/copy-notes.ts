import type { SourceFinding } from "../../sources/source.ts";

/**
 * What was found out about a backup's SQLite databases when it was made, for whoever wants to know: sentences about
 * copies that are good all the same.
 */
export function notesOf({ sources }: { readonly sources: readonly Noted[] }): readonly string[] {
  return sources.flatMap(({ name, facts }) => [
    ...told(facts["notChecked"]).map((what) => `'${name}': not checked without its application: ${what}`),
    ...told(facts["rulesBroken"]).map((what) => `'${name}': rows that break rules of its schema: ${what}`),
  ]);
}

type Noted = Pick<SourceFinding, "name" | "facts">;

function told(sentences: unknown): readonly string[] {
  return Array.isArray(sentences) ? sentences.map(String) : [];
}
