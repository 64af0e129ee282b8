/**
 * File names are bytes. While they are worked on they are kept as "byte strings", one character per byte (latin1):
 * they compare bytewise, can be members of a Set, and take a fraction of a Buffer's memory.
 */
export type ByteString = string;

export function bytesOf(name: ByteString): Buffer {
  return Buffer.from(name, "latin1");
}

export function byteStringOf(name: string | Buffer): ByteString {
  return (typeof name === "string" ? Buffer.from(name) : name).toString("latin1");
}

/** The absolute path, in bytes, of what lies at `path` below `root`; of the root itself if `path` is empty. */
export function pathBelow(root: string, path: ByteString): Buffer {
  return bytesOf(path === "" ? byteStringOf(root) : `${byteStringOf(root)}/${path}`);
}

/** For matching against patterns only: bytes that are not UTF-8 become U+FFFD. */
export function decodeLossily(name: ByteString): string {
  return /[^\p{ASCII}]/u.test(name) ? bytesOf(name).toString("utf8") : name;
}

/**
 * The name as a person may see it in one line of a log. Different names stay different: what is not printable UTF-8
 * is written as `\x0a`, and a backslash as `\\`.
 */
export function printable(name: ByteString | Buffer): string {
  const bytes = typeof name === "string" ? bytesOf(name) : name;
  const text = bytes.toString("utf8");
  if (Buffer.from(text).equals(bytes))
    return text.replace(/[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => escaped(character, "utf8"));
  return bytes.toString("latin1").replace(/[^\x20-\x5b\x5d-\x7e]/g, (byte) => escaped(byte, "latin1"));
}

/** The name that `printable` wrote, and any other text as it is. */
export function fromPrintable(text: string): ByteString {
  return byteStringOf(text).replace(/\\(\\|x([0-9a-f]{2}))/g, (_, __, byte: string | undefined) =>
    byte === undefined ? "\\" : String.fromCharCode(parseInt(byte, 16)),
  );
}

function escaped(character: string, encoding: BufferEncoding): string {
  if (character === "\\") return "\\\\";
  const bytes = Buffer.from(character, encoding);
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
