import { runHelper } from "../run/in-place/helper.ts";
import type { CommandLine } from "./command.ts";

/** Not for people: what a restore in place starts in a container that may write to the volumes. */
export function addInPlaceHelper({ program, world: { signal } }: CommandLine): void {
  program
    .command("in-place-helper <socket>", { hidden: true })
    .action(async (socket: string) => await runHelper(socket, signal));
}
