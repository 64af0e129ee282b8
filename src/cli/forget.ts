import { forget } from "../run/keep/forget.ts";
import { given, type CommandLine, type Options } from "./command.ts";
import { reportText } from "./report-text.ts";

interface ForgetOptions extends Options {
  readonly evenNewest?: boolean;
  readonly dryRun?: boolean;
}

export function addForget({ command, assembled, print, end, world: { signal } }: CommandLine): void {
  command("forget <id>", "remove one backup from all targets")
    .option("--target <name>", "only from this target")
    .option("--even-newest", "also the newest good one of a target")
    .option("--dry-run", "only show which files would be removed")
    .action(async (id: string, { json, target, evenNewest, dryRun }: ForgetOptions) => {
      const tools = await assembled("restore");
      const wanted = { id, evenNewest: evenNewest ?? false, dryRun: dryRun ?? false, ...given({ target }) };
      const { report, forgotten } = await forget(wanted, tools, signal);
      const files = forgotten.flatMap((one) => [`${one.target}:`, ...one.keys.map((key) => `  remove ${key}`)]);
      const undone = dryRun && files.length > 0 ? ["nothing was removed, as this was a dry run"] : [];
      print(
        json
          ? JSON.stringify({ ...report, forgotten })
          : [...files, ...undone, reportText(report, tools.look)].join("\n"),
      );
      end(report.exitCode);
    });
}
