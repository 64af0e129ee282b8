import { resolve } from "node:path";
import type { OpeningKeys } from "../../archive/format.ts";
import { openOldFile } from "../../archive/old/old-file.ts";
import { writeNewFile } from "../../archive/unseal.ts";
import { LifeboatError } from "../../errors.ts";

/**
 * Opens one sealed file of a backup, or a file that gpg, openssl or gzip made, into a plain one that must not exist
 * yet. What it is, its bytes say. Resolves with where it lies, and with what cannot be known about it.
 */
export async function decrypt(
  file: string,
  to: string | undefined,
  keys: OpeningKeys,
  signal: AbortSignal,
): Promise<{ readonly written: string; readonly warnings: readonly string[] }> {
  const written = resolve(to ?? file.replace(/(\.zst|\.gz)?(\.gpg|\.enc)?$/, ""));
  if (written === resolve(file)) {
    throw new LifeboatError("usage", `'${file}' is not a sealed file by its name`, {
      hint: "Sealed files end in .gpg, .enc, .zst or .gz. Say with --to where the plain one shall go.",
    });
  }
  let warnings: readonly string[] = [];
  const open = async () => {
    const opened = await openOldFile(file, keys, signal);
    warnings = opened.warnings;
    return opened.bytes;
  };
  await writeNewFile(written, open, signal);
  return { written, warnings };
}
