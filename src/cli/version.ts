import { revision, version } from "../version.ts";
import type { CommandLine, Options } from "./command.ts";

export function addVersion({ command, print }: CommandLine): void {
  command("version", "show the version, and the commit it was built from").action(({ json }: Options) => {
    const built = revision === undefined ? "" : `commit ${revision}, `;
    print(
      json
        ? JSON.stringify({ version, revision: revision ?? null, node: process.version })
        : `lifeboat ${version} (${built}node ${process.version})`,
    );
  });
}
