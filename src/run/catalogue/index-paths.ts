import type { IndexEntry } from "../../archive/format.ts";
import { entryIn } from "../../archive/index-file.ts";
import { byteStringOf, type ByteString } from "../../sources/names.ts";

/** A line of an index, of which only the path has been read. */
export interface IndexLine {
  /** "backup/…" */
  readonly path: ByteString;
  /** Without its newline. */
  readonly text: string;
}

/** For who wants few of the entries, or in another order. `name` is that of the file, for a person. */
export async function* linesOfPaths(
  batches: AsyncIterable<readonly string[]>,
  name: string,
): AsyncGenerator<readonly IndexLine[], void> {
  for await (const batch of batches) {
    yield batch.map((text) => ({ path: plainPathOf(text) ?? byteStringOf(entryOn({ text }, name).path), text }));
  }
}

/** The entry on a line. Throws "verification-failed", quoting the line, if it is none. */
export function entryOn({ text }: Pick<IndexLine, "text">, name: string): IndexEntry {
  return entryIn(text, () => `'${text.slice(0, MOST_QUOTED)}' in '${name}'`);
}

const MOST_QUOTED = 100;

/** The path of a line that `formatEntry` wrote, if it has neither escapes nor bytes beyond ASCII. */
function plainPathOf(line: string): ByteString | undefined {
  return PLAIN_PATH.exec(line)?.[1];
}

const PLAIN_PATH = /^\{"path":"([\x20\x21\x23-\x5b\x5d-\x7e]+)"/;
