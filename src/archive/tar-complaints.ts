import type { IndexEntry } from "./format.ts";

/** A file that could not be read as it should; the backup was made all the same. */
export interface ReadProblem {
  /** Relative to its root, "./…", as in the list. */
  readonly path: Buffer;
  readonly problem: ReadProblemKind;
}

/**
 * changed: written to while it was read · vanished: gone before it was read, or of another kind by then · unreadable:
 * not in the backup, as the system would not give it · partial: the system gave only a part of it, the rest is zeros ·
 * shrank: shorter than at first, the rest is zeros · attributes: extended attributes or ACL could not be read.
 */
export type ReadProblemKind = "changed" | "vanished" | "unreadable" | "partial" | "shrank" | "attributes";

/** The problems of files that are in the backup, but not as they were: zeros stand for a part of them. */
export type Damage = NonNullable<IndexEntry["damage"]>;

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
    partial: 0,
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

  /** One that was added as `from` turned out to be `to`. */
  change(path: Buffer, from: ReadProblemKind, to: ReadProblemKind): void {
    this.counts[from] -= 1;
    this.counts[to] += 1;
    const at = this.first.findIndex((one) => one.problem === from && one.path.equals(path));
    if (at !== -1) this.first[at] = { path, problem: to };
  }

  addAll({ counts, first }: ReadProblems): void {
    for (const problem of first) this.addProblem(problem);
    for (const kind of READ_PROBLEM_KINDS) this.counts[kind] += Math.max(0, counts[kind] - KEPT);
  }
}

/** The worst first. */
export const READ_PROBLEM_KINDS: readonly ReadProblemKind[] = [
  "unreadable",
  "partial",
  "shrank",
  "vanished",
  "changed",
  "attributes",
];

/** Sorts GNU tar's complaints into read problems and everything else. */
export class TarComplaints extends ReadProblemList {
  /** The first complaint that is no read problem: the archive cannot be trusted. */
  other: string | undefined;
  readonly #damaged = new Map<string, Damage>();

  /** One line of stderr, written with --quoting-style=escape in the C locale. */
  add(line: string): void {
    if (line === "tar: Exiting with failure status due to previous errors") return;
    const found = COMPLAINTS.map(([kind, pattern]) => [kind, pattern.exec(line)] as const).find(([, match]) => match);
    if (!found) {
      this.other ??= line;
      return;
    }
    const [problem, match] = found;
    const path = unescaped(match?.[1] ?? "");
    this.addProblem({ path, problem });
    if (problem === "partial" || problem === "shrank") this.#damaged.set(path.toString("latin1"), problem);
  }

  /** What tar said of the content of the file at `path` ("./…"). Forgets it: a file is read once. */
  takeDamage(path: Buffer): Damage | undefined {
    const name = path.toString("latin1");
    const damage = this.#damaged.get(name);
    this.#damaged.delete(name);
    return damage;
  }
}

const KEPT = 100;

const CANNOT = "^tar: ((?:\\\\.|[^\\\\:])*): (?:Warning: )?Cannot (?:stat|open|read|readlink|savedir): ";
/** Of a name that is gone, or that a file, a link or a socket has where a folder or file was. */
const GONE = [
  ...["No such file or directory", "Not a directory", "Too many levels of symbolic links"],
  ...["No such device or address", "Is a directory"],
];

const COMPLAINTS: readonly (readonly [ReadProblemKind, RegExp])[] = [
  ["changed", /^tar: ((?:\\.|[^\\:])*): file changed as we read it$/],
  ["vanished", /^tar: ((?:\\.|[^\\:])*): File removed before we read it$/],
  ["vanished", /^tar: ((?:\\.|[^\\:])*): (?:socket|door|Unknown file type; file) ignored$/],
  ["vanished", /^tar: ((?:\\.|[^\\:])*): (?:Warning: )?Cannot readlink: Invalid argument$/],
  ["vanished", new RegExp(`${CANNOT}(?:${GONE.join("|")})$`)],
  ["unreadable", new RegExp(`${CANNOT}.+$`)],
  [
    "partial",
    /^tar: ((?:\\.|[^\\:])*): (?:Warning: )?(?:Read error at byte [0-9]+, while reading|Cannot seek to [0-9]+).*$/,
  ],
  ["shrank", /^tar: ((?:\\.|[^\\:])*): File shrank by [0-9]+ bytes?; padding with zeros$/],
  ["attributes", /^tar: ((?:\\.|[^\\:])*): Warning: Cannot [a-z_]*(?:xattr|acl)[a-z_]*: .*$/],
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
