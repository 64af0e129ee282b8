import { existsSync, readFileSync } from "node:fs";

/** From package.json, which lies one folder up beside the sources and beside the built program alike. */
export const version = (
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }
).version;

/** The commit that the image was built from, which its build puts beside package.json; undefined where nobody said. */
export const revision = readRevision(new URL("../revision", import.meta.url));

function readRevision(file: URL): string | undefined {
  const text = existsSync(file) ? readFileSync(file, "utf8").trim() : "unknown";
  return text === "unknown" ? undefined : text;
}
