import { decrypt } from "../run/decrypt.ts";
import type { CommandLine, Options } from "./command.ts";

export function addDecrypt({ command, assembled, print, world: { signal } }: CommandLine): void {
  command("decrypt <file>", "open one sealed file by hand: an archive to a tar file, an index to its lines")
    .option("--to <file>", "where to (default: beside it, without .zst.gpg)")
    .action(async (file: string, { json, to }: Options & { to?: string }) => {
      const { keys } = await assembled("decrypt");
      const written = await decrypt(file, to, keys, signal);
      print(json ? JSON.stringify({ written }) : `written to ${written}`);
    });
}
