import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { localFailure } from "./local-failure.ts";

/** The size of a file of this machine, or an error that names it. */
export async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    throw localFailure(error, `read '${path}'`, dirname(path));
  }
}
