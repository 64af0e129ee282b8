import { version } from "../version.ts";
import type { CommandLine, Options } from "./command.ts";

export function addVersion({ command, print }: CommandLine): void {
  command("version", "show the version").action(({ json }: Options) => {
    print(json ? JSON.stringify({ version, node: process.version }) : `lifeboat ${version} (node ${process.version})`);
  });
}
