import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { delimiter } from "node:path";

export interface RecordedPrograms {
  /** Every argument that any of the programs was called with so far. */
  argumentsSeen(): Promise<string>;
  /** More arguments for each later call of a program, put before its own; [] for none again. */
  addArguments(program: string, args: readonly string[]): Promise<void>;
  /** Runs a line of shell before the next call that has `argument` among its own, and only then lets that begin. */
  before(program: string, argument: string, line: string): Promise<void>;
  /** SIGKILL to the latest call of a program. */
  kill(program: string): Promise<void>;
}

/**
 * Puts programs of the same names before the real ones in the PATH of this process: each writes down its arguments
 * (as anybody on the host could read them) and then becomes the real one.
 */
export async function recordPrograms(folder: string, ...programs: readonly string[]): Promise<RecordedPrograms> {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const record = join(bin, "arguments");
  await writeFile(record, "");
  const real = process.env["PATH"] ?? "";
  for (const program of programs) {
    await writeFile(join(bin, `${program}.more`), "");
    const script = `#!/bin/sh
printf '%s\\n' "${program}" "$@" >>'${record}'
echo $$ >'${join(bin, program)}.pid'
PATH='${real}'
[ ! -e '${join(bin, program)}.before' ] || . '${join(bin, program)}.before'
exec ${program} $(cat '${join(bin, program)}.more') "$@"
`;
    await writeFile(join(bin, program), script);
    await chmod(join(bin, program), 0o755);
  }
  const before = async (program: string, argument: string, line: string) => {
    const path = join(bin, `${program}.before`);
    await writeFile(path, `case " $* " in *' ${argument} '*) rm '${path}'; ${line} ;; esac\n`);
  };
  process.env["PATH"] = `${bin}${delimiter}${real}`;
  return {
    argumentsSeen: async () => await readFile(record, "utf8"),
    kill: async (program) => void process.kill(Number(await readFile(join(bin, `${program}.pid`), "utf8")), "SIGKILL"),
    before,
    addArguments: async (program, args) => await writeFile(join(bin, `${program}.more`), args.join(" ")),
  };
}

/** Asserts that none of the secrets, nor any line of them, was ever an argument or is in `texts`. */
export async function assertSecretsKept(
  programs: RecordedPrograms,
  secrets: readonly string[],
  texts: readonly string[],
): Promise<void> {
  const seen = [await programs.argumentsSeen(), ...texts];
  const pieces = secrets.flatMap((secret) => secret.split("\n")).filter((piece) => piece.length >= 6);
  assert.ok(pieces.length > 0);
  for (const piece of pieces) {
    for (const text of seen) assert.ok(!text.includes(piece), `a secret was shown: ${text.slice(0, 200)}`);
  }
}
