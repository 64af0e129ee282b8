import type { Readable } from "node:stream";
import { execa } from "execa";
import { main } from "../../run/sandbox.ts";

/** A command on a terminal of 80 columns, as somebody sits before it. */
export interface AtTerminal extends Promise<{ readonly exitCode?: number; readonly stdout?: unknown }> {
  readonly stdout: Readable;
  readonly stdin: { write(keys: string): boolean };
}

export const CTRL_C = "\u0003";

export function typed(args: readonly string[], env: Readonly<Record<string, string>>): AtTerminal {
  const words = [process.execPath, main, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const line = `stty cols 80 rows 24; exec ${words.join(" ")}`;
  return execa("script", ["--quiet", "--return", "--command", line, "/dev/null"], {
    env: { ...env, SHELL: "/bin/sh", TERM: "xterm" },
    extendEnv: false,
    reject: false,
    timeout: 120_000,
  });
}

/** The lines that stay on the screen: no bars, which are written over, and no colours. */
export function linesOn(screen: string): readonly string[] {
  return screen
    .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "")
    .split(/\r?\n|\r/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && !/[░█]/.test(line));
}
