import { READ_PROBLEM_KINDS, type ReadProblemKind, type ReadProblems } from "../../archive/tar-complaints.ts";

/** A live folder changes, and that is only noted; what is at rest does not, and what cannot be read is not saved. */
export function isFlaw(problem: ReadProblemKind, atRest: boolean): boolean {
  return atRest || problem === "unreadable" || problem === "partial";
}

/** The flaws among the read problems: a sentence for each kind, with how many there are and the names of some. */
export function flawsOfReading({ counts, first }: ReadProblems, atRest: boolean): readonly string[] {
  return READ_PROBLEM_KINDS.filter((kind) => counts[kind] > 0 && isFlaw(kind, atRest)).map((kind) => {
    const named = first.filter(({ problem }) => problem === kind).slice(0, NAMED);
    const names = named.map(({ path }) => JSON.stringify(path.toString("utf8"))).join(", ");
    const more = counts[kind] - named.length;
    const files = counts[kind] === 1 ? "1 file" : `${counts[kind]} files`;
    return `${files} ${WORDS[kind]} while the archive was made: ${names}${more > 0 ? ` and ${more} more` : ""}`;
  });
}

/** What befell one file, for the log. */
export function eventOf(problem: ReadProblemKind): string {
  return `file ${WORDS[problem]} while the archive was made`;
}

/** More names in one sentence are no longer read. */
const NAMED = 10;

const WORDS: Readonly<Record<ReadProblemKind, string>> = {
  unreadable: "could not be read",
  partial: "could be read only in part (zeros stand for the rest)",
  shrank: "shrank",
  vanished: "vanished",
  changed: "changed",
  attributes: "lost attributes",
};
