import { printable, type ByteString } from "./names.ts";

/** What there is in one folder at the top of what is saved, or (".") beside those folders. */
export interface PlaceSize {
  readonly name: string;
  readonly files: number;
  readonly sizeBytes: number;
}

/** More folders at the top than this are one line: then the root is a volume itself. */
const MAX_PLACES = 30;

/** Files and bytes by folder at the top, in bounded memory. */
export class Places {
  readonly #sizes = new Map<ByteString, { files: number; sizeBytes: number }>();

  add(path: ByteString, sizeBytes: number): void {
    const slash = path.indexOf("/");
    const top = slash === -1 ? "" : path.slice(0, slash);
    const key = this.#sizes.has(top) || this.#sizes.size < MAX_PLACES ? top : OTHERS;
    const size = this.#sizes.get(key) ?? { files: 0, sizeBytes: 0 };
    this.#sizes.set(key, { files: size.files + 1, sizeBytes: size.sizeBytes + sizeBytes });
  }

  /** In the order in which they were found. */
  sizes(): readonly PlaceSize[] {
    return [...this.#sizes].map(([key, size]) => ({
      name: key === OTHERS ? "other folders" : key === "" ? "." : printable(key),
      ...size,
    }));
  }
}

/** No folder has a slash in its name. */
const OTHERS = "/";
