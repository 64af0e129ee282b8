import leven from "leven";
import { LifeboatError } from "../errors.ts";

/** What `word` was probably meant to be, as a usage error. */
export function unknownCommand(word: string, names: readonly string[]): LifeboatError {
  const meant = meantBy(word.toLowerCase(), names);
  return new LifeboatError("usage", `there is no command '${word}'`, {
    hint: meant === undefined ? `There are: ${names.join(", ")}.` : `Did you mean '${meant}'?`,
  });
}

function meantBy(word: string, names: readonly string[]): string | undefined {
  const synonym = SYNONYMS.get(word);
  if (synonym !== undefined) return synonym;
  const begun = names.find((name) => word.length > 1 && name.startsWith(word));
  if (begun !== undefined) return begun;
  const isTypo = (name: string) => leven(word, name) <= Math.max(1, Math.floor(name.length / 2)) && name.length > 2;
  const near = names.filter(isTypo);
  return near.toSorted((a, b) => leven(word, a) - leven(word, b))[0];
}

/** As other programs call the same thing. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ["run", "backup"],
  ["create", "backup"],
  ["snapshots", "list"],
  ["search", "find"],
  ["extract", "restore"],
  ["check", "verify"],
  ["status", "health"],
  ["settings", "config"],
]);
