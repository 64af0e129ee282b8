import { pipeline } from "node:stream/promises";
import { LifeboatError } from "../errors.ts";
import { ChildError, startChild } from "../system/children.ts";
import { bothEndedWell, type Bytes } from "./through-child.ts";
import { UnsetAttributes } from "./unset-attributes.ts";

export interface TarExtraction {
  readonly folder: string;
  /** Already found safe. */
  readonly tar: Bytes;
  /** SELinux labels and ACLs of NFS as they were recorded: right on the machine they are from. Default: this one's own. */
  readonly keepLabels?: boolean | undefined;
}

/**
 * Feeds a tar stream to GNU tar, which extracts it. Resolves once tar has ended well, with what it warned of, such as
 * extended attributes that may not be set here: a few sentences. Owners are restored when this process may (as root).
 */
export async function extractingTar(
  { folder, tar, keepLabels = false }: TarExtraction,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const unset = new UnsetAttributes();
  const owner = process.getuid?.() === 0 ? "--same-owner" : "--no-same-owner";
  const args = [...EXTRACT_OPTIONS, ...(keepLabels ? [] : WITHOUT_LABELS), owner, `--directory=${folder}`];
  const child = startChild({ program: "tar", args }, { signal, onStderrLine: (line) => unset.take(line) });
  child.stdout.resume();
  const feeding = pipeline(tar, child.stdin);
  try {
    await bothEndedWell(feeding, child.done);
  } catch (error) {
    throw explained(error, folder);
  }
  return unset.sentences();
}

/** What most often keeps tar from extracting, in words for whoever ran the restore. */
function explained(error: unknown, folder: string): unknown {
  if (!(error instanceof ChildError)) return error;
  if (/Cannot change ownership/.test(error.stderr)) {
    return new LifeboatError("failed", "the files cannot be given to their owners", {
      cause: error,
      hint: "In a container that dropped its capabilities, add CHOWN, DAC_OVERRIDE and FOWNER for the restore (docker compose run --cap-add …), or restore as the user whose files they are.",
    });
  }
  if (/No space left on device|Disk quota exceeded/.test(error.stderr)) {
    return new LifeboatError("failed", `there is no space left in '${folder}'`, {
      cause: error,
      hint: "Nothing was restored. Free some space, or restore to another volume.",
    });
  }
  return error;
}

const EXTRACT_OPTIONS = [
  ...["--extract", "--file=-", "--preserve-permissions", "--numeric-owner"],
  ...["--acls", "--xattrs", "--xattrs-include=*", "--delay-directory-restore", "--quoting-style=escape"],
  // Times before 1970 or in the future are restored all the same.
  "--warning=no-timestamp",
];

/**
 * What means something on one machine only: labels and signatures that its security policy has given, and the ACLs of a
 * file server, in the names of its users. Setting them elsewhere locks programs out, or fails for each file.
 */
const WITHOUT_LABELS = [
  ...["security.selinux", "security.SMACK64*", "security.apparmor", "security.ima", "security.evm"],
  ...["system.nfs4_*", "system.cifs_*", "system.smb3_*", "system.ntfs_*"],
].map((mask) => `--xattrs-exclude=${mask}`);
