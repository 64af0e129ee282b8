import { readFileSync } from "node:fs";

/** From package.json, which lies one folder up beside the sources and beside the built program alike. */
export const version = (
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }
).version;
