import { redact } from "../system/secret.ts";
import type { Gathered } from "./environment.ts";
import { Misfit, type SettingProblem } from "./problems.ts";
import { settingNames, settingOf, type SettingName, type SettingValues } from "./settings.ts";

/** The settings as far as they could be read, and the problems found so far. Each check adds its own. */
export interface Findings {
  readonly values: SettingValues;
  isGiven(name: SettingName): boolean;
  /** What was given is shown unless the setting is a secret. */
  complain(name: SettingName, problem: string, right: string): void;
  warn(sentence: string): void;
}

/** Decodes every setting. One that does not fit is complained about, and holds its default in `values`. */
export function decodeSettings(
  { given, unread }: Pick<Gathered, "given" | "unread">,
  problems: SettingProblem[],
  warnings: string[],
): Findings {
  const complain = (name: SettingName, problem: string, right: string) => {
    if (unread.has(name)) return;
    const text = given.get(name)?.text;
    problems.push({
      name,
      ...(text === undefined || settingOf(name).secret ? {} : { given: showable(text) }),
      problem,
      right,
    });
  };
  const decode = (name: SettingName) => {
    const setting = settingOf(name);
    const text = given.get(name)?.text;
    if (text !== undefined) {
      try {
        const value = setting.kind.decode(text);
        const remark = oddEnds(text);
        if (remark) warnings.push(`${given.get(name)?.file === undefined ? name : `${name}_FILE`} ${remark}`);
        return value;
      } catch (error) {
        if (!(error instanceof Misfit)) throw error;
        const unquoted = withoutQuotes(text);
        if (unquoted === undefined) complain(name, error.message, error.right);
        else complain(name, "has quotes around it, which are taken as part of the value", "it without the quotes");
      }
    }
    return setting.default === undefined ? undefined : setting.kind.decode(setting.default);
  };
  const values = Object.fromEntries(settingNames.map((name) => [name, decode(name)])) as SettingValues;
  return {
    values,
    isGiven: (name) => given.has(name) || unread.has(name),
    complain,
    warn: (sentence) => warnings.push(sentence),
  };
}

/** Complains about each of `names` that is given although it does nothing, `because`. */
export function refuseUseless(findings: Findings, names: readonly SettingName[], because: string, right: string): void {
  for (const name of names) if (findings.isGiven(name)) findings.complain(name, `does nothing ${because}`, right);
}

/** What old compose versions, `docker run --env-file` and editors leave around a value, to become part of it unseen. */
function oddEnds(text: string): string | undefined {
  if (withoutQuotes(text) !== undefined) return "begins and ends with a quote, which is taken as part of the value";
  if (text !== text.trim()) return "begins or ends with a blank, which is taken as part of the value";
  return undefined;
}

/** Undefined if there are none around it. */
function withoutQuotes(text: string): string | undefined {
  return /^(["'])(.*)\1$/s.exec(text)?.[2];
}

/** What was given, without the secrets that people put into places meant for none. */
function showable(text: string): string {
  if (text.includes("PRIVATE KEY")) return "a private key";
  const clean = redact(text).replace(/(^|[\s,])([^\s:/@]+):.*@/gs, "$1$2:***@");
  return clean.replace(/(\w*(?:pass|secret|key|token)\w*=)[^,:\s]+/gi, "$1***");
}
