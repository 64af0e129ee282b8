import type { Command } from "commander";
import type { Assembled, Surroundings } from "../assemble.ts";
import type { Purpose } from "../config/read.ts";
import type { RunReport } from "../report/outcome.ts";
import { reportText } from "./report-text.ts";

/** What every command is given: the words before it, the world around it, and the ways to tell what came of it. */
export interface CommandLine {
  readonly program: Command;
  readonly world: Surroundings;
  /** A command with the options that all have. */
  command(words: string, description: string): Command;
  /** Everything the command needs, from the settings. Rejects with every problem of theirs at once. */
  assembled(purpose: Purpose): Promise<Assembled>;
  /** One line, or one JSON object, to stdout. */
  print(text: string): void;
  /** The end of a run, as text or JSON, and its exit code. */
  tell(report: RunReport, json: boolean | undefined, tools: Assembled): void;
  /** Sets the exit code; 0 until then. */
  end(exitCode: number): void;
}

/** Options that many commands have. */
export interface Options {
  readonly json?: boolean;
  readonly target?: string;
}

export function commandLine(program: Command, world: Surroundings, end: (exitCode: number) => void): CommandLine {
  const print = (text: string) => void world.stdout.write(`${text}\n`);
  return {
    program,
    world,
    command: (words, description) =>
      // The program itself takes excess arguments, to say what they may have meant.
      program
        .command(words)
        .description(description)
        .allowExcessArguments(false)
        .option("--json", "print JSON, for machines"),
    async assembled(purpose) {
      const { assemble } = await import("../assemble.ts");
      const showsReport = printsReport(program) && world.stdout.isTTY === true && world.stderr.isTTY === true;
      return { ...(await assemble(world, purpose)), showsReport };
    },
    print,
    tell(report, json, { look }) {
      print(json ? JSON.stringify(report) : reportText(report, look));
      end(report.exitCode);
    },
    end,
  };
}

/** As text, at the end: all commands do, but the daemon, which is none, has only its log. */
function printsReport({ args }: Command): boolean {
  return args.length > 0 && !args.includes("--json");
}

/** Only what was given: an option left out is no option. */
export function given<T extends Record<string, string | undefined>>(options: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}
