import { RcloneEnded } from "./rclone-program.ts";

/** Leaves alone what is there, and says so by its exit code. `--immutable` protects no single file, in any version. */
export const IF_NEW = ["--ignore-existing", "--error-on-no-transfer"];

/** How a call with IF_NEW ends that found the name taken. */
export function isNothingSent(error: unknown): boolean {
  return error instanceof RcloneEnded && error.end.exitCode === 9;
}

/** Exit codes 3 (folder) and 4 (file) mean "not found", in every version. */
export function isNotThere(error: unknown): boolean {
  return error instanceof RcloneEnded && (error.end.exitCode === 3 || error.end.exitCode === 4);
}

/** For a question whose refusal is an answer; anything else is thrown on. */
export function orRefused(error: unknown): undefined {
  if (!(error instanceof RcloneEnded)) throw error;
}
