import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Runs a program for a test and gives its standard output. Rejects with its stderr when it ends badly or takes `timeoutMs`. */
export async function run(
  program: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly timeoutMs?: number } = {},
): Promise<string> {
  const { stdout } = await execute(program, args, {
    env: { ...process.env, ...options.env },
    timeout: options.timeoutMs ?? 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

/** As `run`, for the Docker engine that the tests use. */
export async function docker(...args: readonly string[]): Promise<string> {
  return (await run("docker", args, { timeoutMs: 120_000 })).trim();
}
