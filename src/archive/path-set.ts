import { hash } from "node:crypto";

/**
 * Which paths have been seen, in 8 to 16 bytes for each: an archive may have many millions of them. Keeps 64 bits of a
 * digest, so among ten million paths the chance that two are taken for one is one in 400,000.
 */
export class PathSet {
  #slots = new Uint32Array(2 * 1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(path: Buffer): boolean {
    const [high, low] = fingerprint(path);
    return this.#slots[this.#slotOf(high, low)] === high;
  }

  /** False if it was there already. */
  add(path: Buffer): boolean {
    const [high, low] = fingerprint(path);
    const slot = this.#slotOf(high, low);
    if (this.#slots[slot] === high) return false;
    this.#slots[slot] = high;
    this.#slots[slot + 1] = low;
    this.#size += 1;
    if (this.#size * 3 > this.#slots.length) this.#grow();
    return true;
  }

  /** The slot that holds this fingerprint, or the free one where it belongs. A slot is free if its first half is 0. */
  #slotOf(high: number, low: number): number {
    const slots = this.#slots;
    let slot = (low * 2) % slots.length;
    while (slots[slot] !== 0 && !(slots[slot] === high && slots[slot + 1] === low)) slot = (slot + 2) % slots.length;
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) {
      const [high = 0, low = 0] = [old[at], old[at + 1]];
      if (high === 0) continue;
      const slot = this.#slotOf(high, low);
      this.#slots[slot] = high;
      this.#slots[slot + 1] = low;
    }
  }
}

/** Two numbers of 32 bits; the first is never 0, which marks a free slot. */
function fingerprint(path: Buffer): readonly [high: number, low: number] {
  const digest = hash("sha256", path, "buffer");
  return [digest.readUInt32LE(0) || 1, digest.readUInt32LE(4)];
}
