import { LifeboatError } from "../errors.ts";

/** One thing wrong with one setting. Sentences without a full stop; `given` is absent for secrets. */
export interface SettingProblem {
  readonly name: string;
  readonly given?: string;
  readonly problem: string;
  /** What would be right. */
  readonly right: string;
}

/** Everything that is wrong with the settings, so that one restart is enough to put it all right. */
export class SettingsError extends LifeboatError {
  readonly problems: readonly SettingProblem[];

  /** `warnings` are told too: a misspelt name is often why another setting seems to be missing. */
  constructor(problems: readonly SettingProblem[], warnings: readonly string[] = []) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super(
      "settings",
      [
        `${count} with the settings:`,
        ...problems.map((problem) => `  ${describe(problem)}`),
        ...warnings.map((warning) => `  warning: ${warning}`),
      ].join("\n"),
      {
        hint: "Every setting is described in docs/reference/settings.md and by 'lifeboat help settings'.",
      },
    );
    this.name = "SettingsError";
    this.problems = problems;
  }
}

/** One line: the variable, what was given, what is wrong with it, what would be right. */
function describe({ name, given, problem, right }: SettingProblem): string {
  const what = given === undefined ? name : `${name}=${quoted(given)}`;
  return `${what}: ${problem}; right would be: ${right}`;
}

function quoted(given: string): string {
  const MAX_SHOWN = 120;
  return JSON.stringify(given.length > MAX_SHOWN ? `${given.slice(0, MAX_SHOWN)}…` : given);
}

/** Thrown by a kind's `decode`: the text is not a value of that kind. */
export class Misfit extends Error {
  override readonly name = "Misfit";
  readonly right: string;

  constructor(problem: string, right: string) {
    super(problem);
    this.right = right;
  }
}
