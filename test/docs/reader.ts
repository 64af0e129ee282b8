import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Attempt } from "../e2e/stack.ts";

/** A shell that is fed one block after the other, and remembers variables, functions and folder between them. */
export interface Reader extends Disposable {
  /** Runs the block with `env` exported. Its exit code is that of the first command that fails, else 0. */
  follow(script: string, env: Readonly<Record<string, string>>): Promise<Attempt>;
}

/** Four minutes are ample for any block; the first run of one that hangs should say which it was. */
const BLOCK_MS = 240_000;
/** As `timeout` of coreutils says it. */
const TIMED_OUT = 124;

/** Starts a bash in `folder`; its own files lie in `notes`. */
export function startReader(folder: string, notes: string, env: NodeJS.ProcessEnv): Reader {
  // Blocks come in on 3 and are said to be done on 4, so that no command eats what is meant for the shell.
  const loop = 'while read -r -u 3 block; do . "$block" </dev/null >"$block.out" 2>"$block.err"; echo done >&4; done';
  const shell = spawn("bash", ["-euo", "pipefail", "-c", loop], {
    cwd: folder,
    env,
    stdio: ["ignore", "ignore", "inherit", "pipe", "pipe"],
    detached: true,
  });
  const blocks = shell.stdio[3] as Writable;
  const done = shell.stdio[4] as Readable;
  const ended = once(shell, "exit");
  let count = 0;
  return {
    async follow(script, exported) {
      const block = join(notes, `block-${++count}`);
      const exports = Object.entries(exported).map(([name, value]) => `export ${name}='${value}'\n`);
      await writeFile(block, exports.join("") + script);
      blocks.write(`${block}\n`);
      const timeout = AbortSignal.timeout(BLOCK_MS);
      const [exitCode] = (await Promise.race([
        once(done, "data", { signal: timeout }).then(
          () => [0],
          () => [TIMED_OUT],
        ),
        ended,
      ])) as [number | null];
      const [stdout, stderr] = await Promise.all([".out", ".err"].map((end) => readFile(block + end, "utf8")));
      return { exitCode: exitCode ?? 255, stdout: stdout ?? "", stderr: stderr ?? "" };
    },
    [Symbol.dispose]() {
      blocks.end();
      if (shell.exitCode === null && shell.pid !== undefined) process.kill(-shell.pid, "SIGKILL");
    },
  };
}
