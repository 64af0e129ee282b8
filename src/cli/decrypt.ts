import { exitCodes } from "../errors.ts";
import { decrypt } from "../run/restore/decrypt.ts";
import type { CommandLine, Options } from "./command.ts";

export function addDecrypt({ command, assembled, print, end, world: { signal } }: CommandLine): void {
  command(
    "decrypt <file>",
    "open one file by hand: an archive to a tar file, an index to its lines, an old *.gpg or *.enc",
  )
    .option("--to <file>", "where to (default: beside it, without .zst.gpg)")
    .action(async (file: string, { json, to }: Options & { to?: string }) => {
      const { keys, log } = await assembled("decrypt");
      const { written, warnings } = await decrypt(file, to, keys, signal);
      for (const warning of warnings) log.warn(warning);
      print(json ? JSON.stringify({ written, warnings }) : `written to ${written}`);
      if (warnings.length > 0) end(exitCodes.degraded);
    });
}
