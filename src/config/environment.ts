import type { SettingProblem } from "./problems.ts";
import { settingNames, settingOf, type SettingName } from "./settings.ts";
import { remarkOn } from "./strangers.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting's text as the operator gave it. */
export interface Given {
  readonly text: string;
  /** The path that NAME_FILE named; undefined if the variable itself was set. */
  readonly file?: string;
}

export interface Gathered {
  readonly given: ReadonlyMap<SettingName, Given>;
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly string[];
}

/** Takes our settings out of the environment: NAME or what NAME_FILE holds; empty is unset; strangers are told. */
export function gatherSettings(env: Environment, readFile: (path: string) => string): Gathered {
  const given = new Map<SettingName, Given>();
  const problems: SettingProblem[] = [];
  const warnings: string[] = [];
  for (const name of settingNames) {
    try {
      const found = take(name, env, readFile);
      if (!found) continue;
      given.set(name, found);
      const remark = oddEnds(found.text);
      if (remark) warnings.push(`${found.file === undefined ? name : `${name}_FILE`} ${remark}`);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      problems.push(error.problem);
    }
  }
  for (const [name, value] of Object.entries(env)) {
    if (!value || isOurs(name)) continue;
    const remark = remarkOn(name);
    if (remark?.weight === "error") problems.push({ name, problem: remark.problem, right: remark.right });
    if (remark?.weight === "warning") warnings.push(`${name} ${remark.problem}; right would be: ${remark.right}`);
  }
  return { given, problems, warnings };
}

const ours: ReadonlySet<string> = new Set(settingNames.flatMap((name) => [name, `${name}_FILE`]));

function isOurs(name: string): boolean {
  return ours.has(name);
}

class Unreadable extends Error {
  readonly problem: SettingProblem;

  constructor(problem: SettingProblem) {
    super(problem.problem);
    this.problem = problem;
  }
}

function take(name: SettingName, env: Environment, readFile: (path: string) => string): Given | undefined {
  const value = tidy(name, env[name] ?? "") || undefined;
  const file = env[`${name}_FILE`] || undefined;
  if (value !== undefined && file !== undefined) {
    throw new Unreadable({ name, problem: `both ${name} and ${name}_FILE are set`, right: "one of the two" });
  }
  if (file === undefined) return value === undefined ? undefined : { text: value };
  let text: string;
  try {
    text = readFile(file).replace(/\r?\n$/, "");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Unreadable({
      name: `${name}_FILE`,
      given: file,
      problem: `cannot be read (${why})`,
      right: "a file that is there and readable",
    });
  }
  if (text.trim() === "") {
    throw new Unreadable({
      name: `${name}_FILE`,
      given: file,
      problem: "is an empty file",
      right: "a file with the value in it",
    });
  }
  return { text: tidy(name, text), file };
}

/** Blanks around a value mean nothing, except in a secret, where nobody can know. */
function tidy(name: SettingName, text: string): string {
  return settingOf(name).secret ? text : text.trim();
}

/** What old compose versions and editors leave around a value; it would become part of a passphrase unseen. */
function oddEnds(text: string): string | undefined {
  if (/^(["']).*\1$/s.test(text)) return "begins and ends with a quote, which is taken as part of the value";
  if (text !== text.trim()) return "begins or ends with a blank, which is taken as part of the value";
  return undefined;
}
