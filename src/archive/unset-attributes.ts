/** Counts what tar says of attributes that it could not set, so that a thousand files make one sentence. */
export class UnsetAttributes {
  readonly #groups = new Map<string, { files: number; readonly firstFile: string }>();
  readonly #others: string[] = [];
  #moreOthers = 0;

  /** `line`: as GNU tar writes it to standard error. */
  take(line: string): void {
    const [, xattr, other, file, reason] = ATTRIBUTE_LINE.exec(line) ?? [];
    if (file === undefined) return this.#takeOther(line);
    const key = `${xattr ?? other} (${reason}) on`;
    const group = this.#groups.get(key) ?? this.#groups.get(REST);
    if (group) group.files += 1;
    else this.#groups.set(this.#groups.size < MOST_GROUPS ? key : REST, { files: 1, firstFile: file });
  }

  /** For a person: at most one sentence of attributes, and the first few of whatever else tar said. */
  sentences(): readonly string[] {
    const groups = [...this.#groups].map(
      ([what, { files, firstFile }]) => `${what} ${files} file${files === 1 ? "" : "s"}, such as '${firstFile}'`,
    );
    return [
      ...(groups.length > 0 ? [`attributes could not be set here: ${groups.join("; ")}`] : []),
      ...this.#others,
      ...(this.#moreOthers > 0 ? [`tar said ${this.#moreOthers} more things`] : []),
    ];
  }

  #takeOther(line: string): void {
    if (this.#others.length < MOST_OTHERS) this.#others.push(line);
    else this.#moreOthers += 1;
  }
}

const ATTRIBUTE_LINE = /^tar: [a-z_]+: Cannot set (?:'(.*)' extended attribute|(.*)) for file '(.*)': ([^:]*)$/;
/** An archive may name any number of attributes. */
const MOST_GROUPS = 8;
const REST = "others on";
const MOST_OTHERS = 20;
