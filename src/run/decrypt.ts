import { resolve } from "node:path";
import type { OpeningKeys } from "../archive/format.ts";
import { decryptFile } from "../archive/unseal.ts";
import { LifeboatError } from "../errors.ts";

/** Opens one sealed file of a backup into a plain one that must not exist yet. Resolves with where it lies. */
export async function decrypt(
  file: string,
  to: string | undefined,
  keys: OpeningKeys,
  signal: AbortSignal,
): Promise<string> {
  const target = resolve(to ?? file.replace(/(\.zst|\.gz)?(\.gpg)?$/, ""));
  if (target === resolve(file)) {
    throw new LifeboatError("usage", `'${file}' is not a sealed file by its name`, {
      hint: "Sealed files end in .gpg, .zst or .gz. Say with --to where the plain one shall go.",
    });
  }
  await decryptFile(file, target, keys, signal);
  return target;
}
