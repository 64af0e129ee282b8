import { passphrase } from "./kinds.ts";
import { Misfit, type SettingProblem } from "./problems.ts";
import { textOfFile } from "./setting-file.ts";
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
  /** Settings that someone gave, but whose value is not known: that is the problem, whatever else follows from it. */
  readonly unread: ReadonlySet<SettingName>;
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly string[];
}

/** Takes our settings out of the environment: NAME or what NAME_FILE holds; empty is unset; strangers are told. */
export function gatherSettings(env: Environment, readFile: (path: string) => string): Gathered {
  const given = new Map<SettingName, Given>();
  const problems: SettingProblem[] = [];
  const warnings: string[] = [];
  const unread = new Set<SettingName>();
  for (const name of settingNames) {
    try {
      const found = take(name, env, readFile);
      if (found) given.set(name, found);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      problems.push(error.problem);
      unread.add(name);
    }
  }
  for (const [name, value] of Object.entries(env)) {
    if (!value || isOurs(name)) continue;
    const remark = remarkOn(name);
    if (remark?.weight === "error") problems.push({ name, problem: remark.problem, right: remark.right });
    if (remark?.weight === "warning") warnings.push(`${name} ${remark.problem}; right would be: ${remark.right}`);
  }
  return { given, unread, problems, warnings };
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
    text = textOfFile(file, readFile).replace(lineEndOf(name), "");
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    throw new Unreadable({ name: `${name}_FILE`, given: file, problem: error.message, right: error.right });
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

/** `gpg --passphrase-file` takes a carriage return for a part of the passphrase, so it is none of the line's end. */
function lineEndOf(name: SettingName): RegExp {
  return settingOf(name).kind === passphrase ? /\n$/ : /\r?\n$/;
}

/** Blanks around a value mean nothing, except in a secret, where nobody can know. */
function tidy(name: SettingName, text: string): string {
  return settingOf(name).secret ? text : text.trim();
}
