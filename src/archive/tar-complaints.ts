/** A file that could not be read as it should; the backup was made all the same. */
export interface ReadProblem {
  /** Relative to its root, "./…", as in the list. */
  readonly path: Buffer;
  readonly problem: ReadProblemKind;
}

/**
 * changed: written to while it was read · vanished: gone before it was read · unreadable: permission denied ·
 * shrank: shorter than at first, filled up with zeros · attributes: extended attributes or ACL could not be read.
 */
export type ReadProblemKind = "changed" | "vanished" | "unreadable" | "shrank" | "attributes";

/** All of them counted; of each kind the first hundred kept, so that many of one kind never hide those of another. */
export interface ReadProblems {
  readonly count: number;
  readonly counts: Readonly<Record<ReadProblemKind, number>>;
  readonly first: readonly ReadProblem[];
}

/** Read problems in bounded memory, however many there are. */
export class ReadProblemList implements ReadProblems {
  readonly counts: Record<ReadProblemKind, number> = {
    changed: 0,
    vanished: 0,
    unreadable: 0,
    shrank: 0,
    attributes: 0,
  };
  readonly first: ReadProblem[] = [];

  get count(): number {
    return READ_PROBLEM_KINDS.reduce((sum, kind) => sum + this.counts[kind], 0);
  }

  addProblem(problem: ReadProblem): void {
    if (++this.counts[problem.problem] <= KEPT) this.first.push(problem);
  }

  addAll({ counts, first }: ReadProblems): void {
    for (const problem of first) this.addProblem(problem);
    for (const kind of READ_PROBLEM_KINDS) this.counts[kind] += Math.max(0, counts[kind] - KEPT);
  }
}

/** The worst first. */
export const READ_PROBLEM_KINDS: readonly ReadProblemKind[] = [
  "unreadable",
  "shrank",
  "vanished",
  "changed",
  "attributes",
];

/** Sorts GNU tar's complaints into read problems and everything else. */
export class TarComplaints extends ReadProblemList {
  /** The first complaint that is no read problem: the archive cannot be trusted. */
  other: string | undefined;

  /** One line of stderr, written with --quoting-style=escape in the C locale. */
  add(line: string): void {
    if (line === "tar: Exiting with failure status due to previous errors") return;
    const found = COMPLAINTS.map(([kind, pattern]) => [kind, pattern.exec(line)] as const).find(([, match]) => match);
    if (!found) {
      this.other ??= line;
      return;
    }
    const [problem, match] = found;
    this.addProblem({ path: unescaped(match?.[1] ?? ""), problem });
  }
}

const KEPT = 100;

const COMPLAINTS: readonly (readonly [ReadProblemKind, RegExp])[] = [
  ["changed", /^tar: (.*): file changed as we read it$/],
  ["vanished", /^tar: (.*): File removed before we read it$/],
  ["vanished", /^tar: (.*): (?:Warning: )?Cannot (?:stat|open|readlink): No such file or directory$/],
  ["unreadable", /^tar: (.*): (?:Warning: )?Cannot (?:stat|open|read|readlink): Permission denied$/],
  ["shrank", /^tar: (.*): File shrank by [0-9]+ bytes?; padding with zeros$/],
  ["attributes", /^tar: (.*): Warning: Cannot [a-z_]*(?:xattr|acl)[a-z_]*: .*$/],
];

/** The bytes behind a name in tar's escape style: \n, \\, \:, \ooo. */
function unescaped(quoted: string): Buffer {
  const bytes: number[] = [];
  const pieces = /\\([0-7]{3})|\\(.)|([^\\]+)/gsu;
  for (const [, octal, letter, plain] of quoted.matchAll(pieces)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (letter !== undefined) bytes.push(...Buffer.from(LETTERS[letter] ?? letter));
    else bytes.push(...Buffer.from(plain ?? ""));
  }
  return Buffer.from(bytes);
}

const LETTERS: Readonly<Record<string, string>> = {
  ...{ a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" },
};
