import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openFromMemory, sealForMemory } from "../../archive/memory-seal.ts";
import type { OpenedIndex } from "../../archive/opened-index.ts";
import { proofOf } from "../../archive/passphrase-root.ts";
import type { Receipt } from "../../archive/receipt.ts";
import { describeError } from "../../errors.ts";
import { isSystemError } from "../../system/files.ts";
import type { Tools } from "../conduct/tools.ts";

/**
 * Indexes that were opened before, in the state folder, by the SHA-256 of their files; so many bytes of them, those of
 * the newest backups. Each is sealed with a key that only the passphrase gives: what is remembered says no more to who
 * finds it than the backups do. Where no passphrase is used, nothing is remembered. A state folder that cannot be
 * written or read costs time and nothing else.
 */
export class IndexMemory {
  readonly #folder: string;
  readonly #tools: Pick<Tools, "keys" | "log">;
  readonly #mostBytes: number;
  #kept: Map<string, Kept> | undefined;
  #isUsable = true;

  constructor(stateFolder: string, tools: Pick<Tools, "keys" | "log">, mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes;
    this.#folder = join(stateFolder, "indexes");
    this.#tools = tools;
  }

  /** What is remembered of the index that this receipt names. */
  async recall(receipt: Receipt): Promise<Required<OpenedIndex> | undefined> {
    const key = await this.#keyFor(receipt);
    const { sha256 } = receipt.index;
    const sealed = key && (await this.#orNothing(() => readFile(join(this.#folder, sha256))));
    const plain = sealed && openFromMemory(sealed, key, sha256);
    if (!plain || plain.length < SESSION_KEY_BYTES) return undefined;
    return { sessionKey: plain.subarray(0, SESSION_KEY_BYTES), packed: plain.subarray(SESSION_KEY_BYTES) };
  }

  /** Keeps an index, proven to be the one that the receipt names, unless there are newer ones enough. */
  async remember(receipt: Receipt, { sessionKey, packed }: OpenedIndex): Promise<void> {
    const key = await this.#keyFor(receipt);
    if (!key || !sessionKey || !this.#isUsable) return;
    const { sha256 } = receipt.index;
    const takenAt = new Date(receipt.takenAt);
    await this.#orNothing(async () => {
      const sealed = sealForMemory(Buffer.concat([sessionKey, packed]), key, sha256);
      if (!(await this.#makeRoom(sealed.length, takenAt.getTime()))) return;
      const partial = join(this.#folder, `${PARTIAL}${randomBytes(4).toString("hex")}`);
      try {
        await writeFile(partial, sealed, { flag: "wx", mode: 0o600 });
        await utimes(partial, takenAt, takenAt);
        await rename(partial, join(this.#folder, sha256));
      } finally {
        await rm(partial, { force: true });
      }
      (await this.#known()).set(sha256, { sizeBytes: sealed.length, takenMs: takenAt.getTime() });
    });
  }

  /** Forgets the indexes of all backups but these: those there are. */
  async forgetOthers(receipts: readonly Receipt[]): Promise<void> {
    const wanted = new Set(receipts.map(({ index }) => index.sha256));
    await this.#orNothing(async () => {
      for (const name of (await this.#known()).keys()) if (!wanted.has(name)) await this.#forget(name);
    });
  }

  /** False if that many bytes of so old a backup are not worth what would have to go for them. */
  async #makeRoom(sizeBytes: number, takenMs: number): Promise<boolean> {
    const known = await this.#known();
    let total = [...known.values()].reduce((sum, kept) => sum + kept.sizeBytes, sizeBytes);
    const oldestFirst = [...known].sort(([, a], [, b]) => a.takenMs - b.takenMs);
    for (const [name, kept] of oldestFirst) {
      if (total <= this.#mostBytes) break;
      if (kept.takenMs >= takenMs) return false;
      await this.#forget(name);
      total -= kept.sizeBytes;
    }
    return total <= this.#mostBytes;
  }

  async #forget(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
    (await this.#known()).delete(name);
  }

  async #known(): Promise<Map<string, Kept>> {
    if (this.#kept) return this.#kept;
    const kept = new Map<string, Kept>();
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#folder)) {
      const stats = await stat(join(this.#folder, name)).catch(() => undefined); // Gone: another command's.
      if (stats) kept.set(name, { sizeBytes: stats.size, takenMs: name.startsWith(PARTIAL) ? 0 : stats.mtimeMs });
    }
    this.#kept = kept;
    return kept;
  }

  async #keyFor({ authentication }: Receipt): Promise<Buffer | undefined> {
    const { passphrase } = this.#tools.keys;
    if (!passphrase || authentication.kind !== "passphrase") return undefined;
    return (await proofOf(passphrase, authentication.kdf)).memoryKey;
  }

  async #orNothing<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!isSystemError(error, "ENOENT") && this.#isUsable) {
        this.#isUsable = false;
        this.#tools.log.debug("indexes are not remembered", { folder: this.#folder, error: describeError(error) });
      }
      return undefined;
    }
  }
}

interface Kept {
  readonly sizeBytes: number;
  /** When its backup was taken: the time of the file. */
  readonly takenMs: number;
}

const PARTIAL = "partial-";
const SESSION_KEY_BYTES = 32;
/** A thousand indexes of 2,000 files each take 100 MB. */
const MOST_BYTES = 256 * 1024 * 1024;
