import { Misfit } from "./problems.ts";

/** What the file holds, all of it. Throws Misfit, in words for the variable that names it. */
export function textOfFile(path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const [problem, right] = WORDS[code] ?? [
      `cannot be read (${error instanceof Error ? error.message : String(error)})`,
      "a file that is there and readable",
    ];
    throw new Misfit(problem, right);
  }
}

const WORDS: Readonly<Record<string, readonly [string, string]>> = {
  ENOENT: ["is not there", "the path of a file in this container, such as a secret's: /run/secrets/NAME"],
  EISDIR: [
    "is a folder, as Docker makes one where a file to be mounted is missing on the host",
    "the file put there on the host instead of the folder, and the container made anew",
  ],
  EACCES: ["may not be read by this user", "a file that the container's user may read (see its owner and mode)"],
};
