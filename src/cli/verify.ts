import type { RunReport } from "../report/outcome.ts";
import { tinted, type Look } from "../report/table.ts";
import { inZone } from "../report/units.ts";
import { verify, type Verified } from "../run/keep/verify.ts";
import { given, type CommandLine, type Options } from "./command.ts";
import { reportText } from "./report-text.ts";

interface VerifyOptions extends Options {
  readonly read?: boolean;
  readonly acceptMissing?: boolean;
}

export function addVerify({ command, assembled, print, end, world: { signal } }: CommandLine): void {
  command("verify [id]", "check backups on the targets: one, 'latest' (the default) or 'all'")
    .option("--read", "read every byte back, open it, and compare every file with its digest")
    .option("--target <name>", "only on this target")
    .option("--accept-missing", "what has vanished from the targets is gone for good: expect it no more")
    .action(async (id: string | undefined, { json, read, target, acceptMissing }: VerifyOptions) => {
      const tools = await assembled("restore");
      const wanted = {
        id: id ?? "latest",
        read: read ?? false,
        acceptMissing: acceptMissing ?? false,
        ...given({ target }),
      };
      const { report, verified } = await verify(wanted, tools, signal);
      print(json ? JSON.stringify({ ...report, verified }) : verifiedText(verified, report, tools.look));
      end(report.exitCode);
    });
}

function verifiedText(verified: readonly Verified[], report: RunReport, look: Look): string {
  const words = {
    complete: "complete: receipt authentic, archive and index there, index opens",
    stored: "stored: the bytes are those that were sealed; opening them takes the private key",
    read: "read: every byte is what was sealed, every file has its digest",
  };
  const tints = { broken: "red", locked: "yellow", unknown: "yellow" } as const;
  const lines = verified.flatMap(({ id, target, result, problem, notes = [] }) => [
    result === "broken" || result === "locked" || result === "unknown"
      ? `${id} on ${target} ${tinted(result, tints[result], look)}: ${problem}`
      : `${id} on ${target} ${tinted(words[result], "green", look)}`,
    ...notes.map((note) => `  note: ${note}`),
  ]);
  return [inZone(lines.join("\n"), look.timeZone), reportText(report, look)].filter((part) => part !== "").join("\n");
}
