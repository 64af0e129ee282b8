import { LifeboatError } from "../errors.ts";
import { redact } from "../system/secret.ts";

/**
 * The folder of "remote:path", with a slash at its end, to which keys can be added.
 * Throws a settings error for anything else: it becomes an argument, so nothing in it may be a secret.
 */
export function folderOf(destination: string): string {
  const remote = /^:?[^:/]*/.exec(destination)![0];
  if (/[,=]/.test(remote)) {
    throw new LifeboatError(
      "settings",
      `rclone destination '${remote.split(/[,=]/)[0]},…' holds settings of its remote`,
      {
        hint: "Everybody on the host can read them there. Put them into RCLONE_CONFIG_<REMOTE>_… variables.",
      },
    );
  }
  if (!/^[\w][\w.+@ -]*$/.test(remote) || destination[remote.length] !== ":") {
    throw new LifeboatError(
      "settings",
      `rclone destination '${redact(destination)}' is not of the form 'remote:path'`,
      {
        hint: "Name a remote that RCLONE_CONFIG_<REMOTE>_… describes. For a folder of this machine use BACKUP_ARCHIVE.",
      },
    );
  }
  // With the slash, rclone takes it for a folder at once instead of asking first whether there is such a file.
  return destination.endsWith(":") ? destination : `${destination.replace(/\/+$/, "")}/`;
}

/** Settings of rclone that would change what our commands do, or hide what they say. */
const NOT_OURS_TO_BEND =
  /^RCLONE_(DRY_RUN|INTERACTIVE|QUIET|VERBOSE|LOG_(FILE|FORMAT|LEVEL|SYSTEMD)|SYSLOG|USE_JSON_LOG|STATS.*|RETRIES|PROGRESS|FILTER.*|INCLUDE.*|EXCLUDE.*|FILES_FROM.*|M(IN|AX)_(AGE|SIZE|DEPTH|DELETE|TRANSFER|DURATION)|IGNORE_.*|UPDATE|SIZE_ONLY|IMMUTABLE|BACKUP_DIR|SUFFIX.*|COMPARE_DEST|COPY_DEST|NO_TRAVERSE|NO_CHECK_DEST|ERROR_ON_NO_TRANSFER)$/;

/** Throws a settings error for variables that a backup must not be run with. */
export function checkEnvironment(names: readonly string[]): void {
  const bending = names.filter((name) => NOT_OURS_TO_BEND.test(name));
  if (bending.length === 0) return;
  throw new LifeboatError("settings", `'${bending.join("', '")}' cannot be set: backups would be made differently`, {
    hint: "Leave it out. Settings of the remote itself (RCLONE_CONFIG_<REMOTE>_…), limits and time-outs are fine.",
  });
}
