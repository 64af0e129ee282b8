import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { indexLines } from "../../archive/index-file.ts";
import { linesOfPaths, type IndexLine } from "../catalogue/index-paths.ts";

/**
 * The lines of an index in the order of their paths, byte by byte: a folder before what is in it. Memory stays small: what
 * is more than one load is sorted into files in `folder`, encrypted with a key that nobody keeps. `name` is that of the
 * index, for a person.
 */
export async function* sortedLines(
  lines: AsyncIterable<readonly IndexLine[]>,
  { folder, name }: { readonly folder: string; readonly name: string },
  signal: AbortSignal,
): AsyncGenerator<readonly IndexLine[], void> {
  const loads: Load[] = [];
  let load: IndexLine[] = [];
  let characters = 0;
  for await (const batch of lines) {
    for (const line of batch) {
      load.push(line);
      characters += line.text.length;
    }
    if (characters < LOAD_CHARACTERS) continue;
    loads.push(await putAside(load.sort(byPath), join(folder, `load-${loads.length}`), signal));
    [load, characters] = [[], 0];
  }
  load.sort(byPath);
  yield* merged([...loads.map((aside) => linesOfPaths(aside.lines(signal), name)), inMemory(load)]);
}

/** Some 16,000 lines. */
const LOAD_CHARACTERS = 4 * 1024 * 1024;

function byPath(one: IndexLine, other: IndexLine): number {
  return one.path < other.path ? -1 : one.path > other.path ? 1 : 0;
}

interface Load {
  /** Once only: the file is gone then. */
  lines(signal: AbortSignal): AsyncGenerator<readonly string[], void>;
}

async function putAside(sorted: readonly IndexLine[], path: string, signal: AbortSignal): Promise<Load> {
  const key = randomBytes(32);
  const cipher = createCipheriv("aes-256-ctr", key, NO_IV);
  await pipeline(chunksOf(sorted), cipher, createWriteStream(path, { flags: "wx", mode: 0o600 }), { signal });
  return {
    async *lines(until) {
      const decipher = createDecipheriv("aes-256-ctr", key, NO_IV);
      const decrypting = pipeline(createReadStream(path, { highWaterMark: CHUNK_CHARACTERS }), decipher, {
        signal: until,
      });
      decrypting.catch(() => {
        // Told by what is read of it.
      });
      try {
        yield* indexLines(decipher as AsyncIterable<Buffer>);
        await decrypting;
      } finally {
        decipher.destroy();
        await rm(path, { force: true });
      }
    },
  };
}

/** Each key encrypts one file. */
const NO_IV = Buffer.alloc(16);
const CHUNK_CHARACTERS = 256 * 1024;

function* chunksOf(lines: readonly IndexLine[]): Generator<string, void> {
  let chunk = "";
  for (const { text } of lines) {
    chunk += `${text}\n`;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    yield chunk;
    chunk = "";
  }
  yield chunk;
}

async function* inMemory(lines: readonly IndexLine[]): AsyncGenerator<readonly IndexLine[], void> {
  yield lines;
}

type Batches = AsyncGenerator<readonly IndexLine[], void>;

/** What a source gives next. */
interface Head {
  readonly from: Batches;
  batch: readonly IndexLine[];
  at: number;
}

async function* merged(sources: readonly Batches[]): AsyncGenerator<readonly IndexLine[], void> {
  try {
    let heads: Head[] = [];
    for (const from of sources) {
      const head = { from, batch: [], at: 0 };
      if (await refill(head)) heads.push(head);
    }
    while (heads.length > 0) {
      heads.sort((one, other) => byPath(nextOf(one), nextOf(other)));
      const [head, second] = heads as [Head, Head | undefined];
      // Goes on with the same source for as long as its lines come next: most indexes are nearly in order.
      const end = second ? endOfTurn(head, nextOf(second)) : head.batch.length;
      yield head.batch.slice(head.at, end);
      head.at = end;
      if (end === head.batch.length && !(await refill(head))) heads = heads.slice(1);
    }
  } finally {
    for (const source of sources) await source.return();
  }
}

function nextOf({ batch, at }: Head): IndexLine {
  return batch[at]!;
}

/** Past the lines of its batch that come before `other`, or are the same; at least one does. */
function endOfTurn({ batch, at }: Head, other: IndexLine): number {
  let end = at + 1;
  while (end < batch.length && byPath(batch[end]!, other) <= 0) end += 1;
  return end;
}

/** False at the end of its source. */
async function refill(head: Head): Promise<boolean> {
  do {
    const next = await head.from.next();
    if (next.done) return false;
    [head.batch, head.at] = [next.value, 0];
  } while (head.batch.length === 0);
  return true;
}
