import { joined } from "./adjacent.ts";
import { parsePax, type PaxRecords } from "./pax.ts";
import { SparseMap } from "./sparse-map.ts";
import { BLOCK, isZeroBlock, malformed, parseHeader, type UstarHeader } from "./tar-header.ts";
import { memberOf, printable, type TarMember } from "./tar-member.ts";

/**
 * What a tar stream holds, in order. The `raw` bytes of all events but the last make up the stream again, without
 * its end-of-archive blocks. Buffers are views of the chunks pushed in; they are not copied.
 */
export type TarEvent =
  /** `raw`: all header blocks of the member. */
  | { readonly kind: "member"; readonly member: TarMember; readonly raw: Buffer }
  /** The next bytes of the file's content. */
  | { readonly kind: "content"; readonly raw: Buffer }
  /** The next `sizeBytes` of the file's content are zeros that were not stored. */
  | { readonly kind: "hole"; readonly sizeBytes: number; readonly raw: Buffer }
  /** Bytes that are neither header nor content: sparse maps and padding. */
  | { readonly kind: "filling"; readonly raw: Buffer }
  /** The member is complete, padding included. */
  | { readonly kind: "member-end"; readonly raw: Buffer };

/**
 * Reads a tar stream as GNU tar --format=posix writes it, strictly: anything that this format has no use for throws
 * "verification-failed". Holds at most one header (bounded) besides the chunk in hand.
 */
export class TarReader {
  #state: "header" | "pax" | "map" | "content" | "padding" | "ending" | "ended" = "header";
  #held: Buffer[] = [];
  #wanted = BLOCK;
  #header: Buffer[] = [];
  #pax: PaxRecords | undefined;
  #paxSize = 0;
  #member: TarMember | undefined;
  #map: SparseMap | undefined;
  #mapBytes = 0;
  #extents: Iterator<readonly [offset: number, size: number]> = [].values();
  /** Where in the file's content the stored bytes in hand end. */
  #position = 0;
  /** Bytes to come of the current extent, or of the padding. */
  #left = 0;
  #zeroBlocks = 0;

  /** Reads the next chunk of the stream. All events must be taken before the next push. */
  *push(chunk: Buffer): Generator<TarEvent, void> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#state === "content" || this.#state === "padding") {
        const part = rest.subarray(0, this.#left);
        rest = rest.subarray(part.length);
        yield* this.#take(part);
        continue;
      }
      const missing = this.#wanted - this.#held.reduce((sum, piece) => sum + piece.length, 0);
      this.#held.push(rest.subarray(0, missing));
      if (rest.length < missing) break;
      rest = rest.subarray(missing);
      const whole = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held);
      this.#held = [];
      yield* this.#block(whole);
    }
    // The chunk goes away with this push; what is held of it must not.
    if (this.#held.length > 0) this.#held = [Buffer.concat(this.#held)];
    if (this.#header.length > 0) this.#header = [Buffer.concat(this.#header)];
  }

  /** Says that the stream is over. Throws "verification-failed" if it ended early. */
  end(): void {
    if (this.#state !== "ended" || this.#held.length > 0) throw malformed("it ends too early");
  }

  *#block(block: Buffer): Generator<TarEvent, void> {
    switch (this.#state) {
      case "header":
        if (isZeroBlock(block)) {
          if (this.#header.length > 0) throw malformed("a pax header belongs to nothing");
          this.#state = "ending";
        } else {
          yield* this.#headerBlock(block);
        }
        return;
      case "pax":
        this.#pax = parsePax(block.subarray(0, this.#paxSize));
        this.#header.push(block);
        this.#expect("header", BLOCK);
        return;
      case "map":
        yield* this.#mapBlock(block);
        return;
      case "ending":
      case "ended":
        // Two blocks of zeros end the archive; what GNU tar adds to fill its last record is zeros too.
        this.#zeroBlocks += 1;
        if (!isZeroBlock(block) || this.#zeroBlocks > MAX_ZERO_BLOCKS) throw malformed("there is data after its end");
        this.#state = "ended";
        return;
      case "content":
      case "padding":
        throw new TypeError("content is not read by blocks");
    }
  }

  *#headerBlock(block: Buffer): Generator<TarEvent, void> {
    const header = parseHeader(block);
    this.#header.push(block);
    if (header.typeflag === "x") {
      this.#startPax(header);
      return;
    }
    const member = memberOf(header, this.#pax ?? new Map());
    this.#pax = undefined;
    this.#member = member;
    this.#position = 0;
    if (member.sparse) {
      this.#map = new SparseMap(member.sizeBytes);
      this.#mapBytes = 0;
      this.#expect("map", BLOCK);
    } else {
      yield this.#memberEvent(member);
      this.#extents = [[0, member.storedBytes] as const].values();
      yield* this.#nextExtent();
    }
  }

  #memberEvent(member: TarMember): TarEvent {
    const raw = joined(this.#header);
    this.#header = [];
    return { kind: "member", member, raw };
  }

  #startPax(header: UstarHeader): void {
    if (this.#pax) throw malformed("two pax headers follow each other");
    if (header.sizeBytes === 0 || header.sizeBytes > MAX_PAX_BYTES) {
      throw malformed(`a pax header of ${header.sizeBytes} bytes for '${printable(header.name)}'`);
    }
    this.#paxSize = header.sizeBytes;
    this.#expect("pax", header.sizeBytes + paddingOf(header.sizeBytes));
  }

  *#mapBlock(block: Buffer): Generator<TarEvent, void> {
    const [map, member] = [this.#map, this.#member];
    if (!map || !member) throw new TypeError("a sparse map belongs to a member");
    this.#mapBytes += BLOCK;
    const isComplete = map.push(block);
    if (this.#mapBytes === BLOCK) yield this.#memberEvent({ ...member, extents: map.extentCount });
    yield { kind: "filling", raw: block };
    if (!isComplete) return;
    if (this.#mapBytes + map.contentBytes !== member.storedBytes) {
      throw malformed("a sparse map and the content after it differ in size");
    }
    this.#extents = map.extents();
    yield* this.#nextExtent();
  }

  /** Goes on to the next bytes that are stored, over the hole before them, or to the end of the member. */
  *#nextExtent(): Generator<TarEvent, void> {
    for (let next = this.#extents.next(); !next.done; next = this.#extents.next()) {
      const [offset, size] = next.value;
      yield* this.#holeUpTo(offset);
      this.#position += size;
      if (size > 0) {
        this.#state = "content";
        this.#left = size;
        return;
      }
    }
    yield* this.#holeUpTo(this.#member?.sizeBytes ?? 0);
    this.#left = paddingOf(this.#member?.storedBytes ?? 0);
    if (this.#left > 0) this.#state = "padding";
    else yield* this.#endMember();
  }

  *#holeUpTo(offset: number): Generator<TarEvent, void> {
    const sizeBytes = offset - this.#position;
    this.#position = offset;
    if (sizeBytes > 0) yield { kind: "hole", sizeBytes, raw: NOTHING };
  }

  *#take(part: Buffer): Generator<TarEvent, void> {
    this.#left -= part.length;
    yield { kind: this.#state === "padding" ? "filling" : "content", raw: part };
    if (this.#left > 0) return;
    if (this.#state === "padding") yield* this.#endMember();
    else yield* this.#nextExtent();
  }

  *#endMember(): Generator<TarEvent, void> {
    this.#map = undefined;
    this.#member = undefined;
    this.#expect("header", BLOCK);
    yield { kind: "member-end", raw: NOTHING };
  }

  #expect(state: "header" | "pax" | "map", bytes: number): void {
    this.#state = state;
    this.#wanted = bytes;
  }
}

/** Attributes are at most 64 KiB each on Linux; a header of this size is no honest one. */
const MAX_PAX_BYTES = 16 * 1024 * 1024;
/** GNU tar fills up its last record, which is 20 blocks unless someone chose otherwise. */
const MAX_ZERO_BLOCKS = 128;
const NOTHING = Buffer.alloc(0);

function paddingOf(bytes: number): number {
  return (BLOCK - (bytes % BLOCK)) % BLOCK;
}
