import { tinted, type Look } from "../report/table.ts";
import { inZone } from "../report/units.ts";
import { sectionsOf } from "../run/backup/ahead-text.ts";
import type { BackupPlan } from "../run/backup/plan-backup.ts";

/** What a backup would do, a block for each thing, and what someone must read before there is one. */
export function backupPlanText({ ahead, warnings, failures }: BackupPlan, look: Look): string {
  return [
    `a backup of '${ahead.name}', as it would be now; nothing was held, copied or written`,
    ...sectionsOf(ahead, look.timeZone).flatMap(({ title, items }) => [
      `  ${title}:`,
      ...items.map((item) => `    ${item}`),
    ]),
    ...warnings.map((warning) => `  ${tinted("warning", "yellow", look)}: ${inZone(warning, look.timeZone)}`),
    ...failures.flatMap(({ message, hint }) => [
      `  ${tinted("would fail", "red", look)}: ${inZone(message, look.timeZone)}`,
      ...(hint === undefined ? [] : [`    ${hint}`]),
    ]),
  ].join("\n");
}
