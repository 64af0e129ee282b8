import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { indexLines } from "../../archive/index-file.ts";
import { linesOfPaths, type IndexLine } from "../catalogue/index-paths.ts";

/** What a sort may use. */
export interface Sorting {
  /** Private to it. */
  readonly folder: string;
  /** Of the index, for a person. */
  readonly name: string;
  /** So much of the lines is held at once, about. */
  readonly loadCharacters?: number;
}

/**
 * The lines of an index in the order of their paths, byte by byte: a folder before what is in it. Memory stays small: what
 * is more than one load is sorted into files in `folder`, encrypted with a key that nobody keeps.
 */
export async function* sortedLines(
  lines: AsyncIterable<readonly IndexLine[]>,
  { folder, name, loadCharacters = LOAD_CHARACTERS }: Sorting,
  signal: AbortSignal,
): AsyncGenerator<readonly IndexLine[], void> {
  const aside = new Aside({ folder, name }, signal);
  let load: IndexLine[] = [];
  let characters = 0;
  for await (const batch of lines) {
    for (const line of batch) {
      load.push(line);
      characters += line.text.length;
    }
    if (characters < loadCharacters) continue;
    await aside.add(inMemory(load.sort(byPath)));
    [load, characters] = [[], 0];
  }
  load.sort(byPath);
  yield* merged([...aside.all(), inMemory(load)]);
}

/** Some 16,000 lines. */
const LOAD_CHARACTERS = 4 * 1024 * 1024;

/** Each file that is read has about a megabyte of it in memory. */
const MOST_FILES = 32;

/** Sorted files. So many of one size become one of the next, so that there are never more than a few times that many. */
class Aside {
  readonly #where: Pick<Sorting, "folder" | "name">;
  readonly #signal: AbortSignal;
  readonly #bySize: Batches[][] = [];
  #files = 0;

  constructor(where: Pick<Sorting, "folder" | "name">, signal: AbortSignal) {
    this.#where = where;
    this.#signal = signal;
  }

  /** Puts what is sorted into a file; it has been read then. */
  async add(sorted: Batches, size = 0): Promise<void> {
    const { folder, name } = this.#where;
    const path = join(folder, `load-${this.#files++}`);
    const same = (this.#bySize[size] ??= []);
    same.push(linesOfPaths(await putAside(sorted, path, this.#signal), name));
    if (same.length === MOST_FILES) await this.add(merged(same.splice(0)), size + 1);
  }

  all(): readonly Batches[] {
    return this.#bySize.flat();
  }
}

function byPath(one: IndexLine, other: IndexLine): number {
  return one.path < other.path ? -1 : one.path > other.path ? 1 : 0;
}

/** Gives the lines back, once only: the file is gone then. */
async function putAside(
  sorted: Batches,
  path: string,
  signal: AbortSignal,
): Promise<AsyncGenerator<readonly string[], void>> {
  const key = randomBytes(32);
  const cipher = createCipheriv("aes-256-ctr", key, NO_IV);
  await pipeline(chunksOf(sorted), cipher, createWriteStream(path, { flags: "wx", mode: 0o600 }), { signal });
  return takeBack(path, key, signal);
}

async function* takeBack(path: string, key: Buffer, signal: AbortSignal): AsyncGenerator<readonly string[], void> {
  const decipher = createDecipheriv("aes-256-ctr", key, NO_IV);
  const decrypting = pipeline(createReadStream(path, { highWaterMark: CHUNK_CHARACTERS }), decipher, { signal });
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
}

/** Each key encrypts one file. */
const NO_IV = Buffer.alloc(16);
const CHUNK_CHARACTERS = 256 * 1024;

async function* chunksOf(lines: Batches): AsyncGenerator<string, void> {
  let chunk = "";
  for await (const batch of lines) {
    for (const { text } of batch) {
      chunk += `${text}\n`;
      if (chunk.length < CHUNK_CHARACTERS) continue;
      yield chunk;
      chunk = "";
    }
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
