import { CronExpressionParser, type CronExpression } from "cron-parser";
import { validate } from "node-cron";
import { Misfit } from "./problems.ts";
import type { Kind } from "./kinds.ts";

const NICKNAMES: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};

/**
 * A cron expression of 5 or 6 fields (seconds first), nicknames spelt out, that both cron libraries read alike and
 * that fires at some time. Gives the expression both of them take.
 */
export const cron: Kind<string> = {
  words: "a cron expression of 5 or 6 fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`",
  decode(text) {
    if (/^(CRON_)?TZ=/.test(text)) throw new Misfit("names a time zone", "the expression alone, and the zone in TZ");
    if (text.startsWith("@every"))
      throw new Misfit("is not known here", "fields, such as '0 */6 * * *' for every six hours");
    const expression = NICKNAMES[text.toLowerCase()] ?? text.trim().split(/\s+/).join(" ");
    if (expression.startsWith("@")) throw new Misfit("is not known", Object.keys(NICKNAMES).join(", "));
    const count = expression.split(" ").length;
    if (count !== 5 && count !== 6) {
      const right = "minute, hour, day of month, month, day of week, such as '0 2 * * *' for every night at two";
      throw new Misfit(`has ${count} ${count === 1 ? "field" : "fields"} instead of 5 or 6`, right);
    }
    refuseStepsFromNowhere(expression);
    refuseBothDays(expression);
    refuseNeverFiring(expression);
    if (!validate(expression))
      throw new Misfit("is not a cron expression", "such as '0 2 * * *' for every night at two");
    return expression;
  },
};

/** The parsed expression, counting from `from` in UTC. The expression was decoded above. */
export function parseCron(expression: string, from: Date): CronExpression {
  return CronExpressionParser.parse(expression, { currentDate: from, tz: "UTC" });
}

/** "5/15" is "5-59/15" to some programs and nothing to others. */
function refuseStepsFromNowhere(expression: string): void {
  const fields = expression.split(" ");
  const lasts = [59, 59, 23, 31, 12, 6].slice(6 - fields.length);
  for (const [at, field] of fields.entries()) {
    const [, from, step] = /^(\d+)\/(\d+)$/.exec(field) ?? [];
    if (from !== undefined)
      throw new Misfit(`'${field}' has no range to step through`, `'${from}-${lasts[at]}/${step}'`);
  }
}

/** Programs disagree on whether both days must match (node-cron) or either (cron-parser, crontab). */
function refuseBothDays(expression: string): void {
  const [dayOfWeek, , dayOfMonth] = expression.split(" ").reverse();
  const isOpen = (field: string | undefined) => field === "*" || field === "?";
  if (!isOpen(dayOfWeek) && !isOpen(dayOfMonth)) {
    throw new Misfit("limits both the day of the month and the day of the week", "a '*' in one of the two");
  }
}

function refuseNeverFiring(expression: string): void {
  const never = new Misfit("never fires: no month has that day", "a day that exists, such as '0 2 28 2 *'");
  let parsed: CronExpression;
  try {
    parsed = parseCron(expression, new Date(0));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (why.includes("Invalid explicit day of month")) throw never;
    throw new Misfit(`is not a cron expression (${why})`, "such as '0 2 * * *' for every night at two");
  }
  try {
    parsed.next();
  } catch {
    // The parser's reason is its own loop limit, which says less than ours.
    throw never;
  }
}

/** True if the expression fires at least once in every hour of the days it fires on. */
export function isEveryHour(expression: string): boolean {
  return parseCron(expression, new Date(0)).fields.hour.values.length === 24;
}
