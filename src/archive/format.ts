import type { Secret } from "../system/secret.ts";

/** The numbers and names of the format, version 1. docs/design/archive-format.md describes it to the byte. */
export const FORMAT_VERSION = 1;

export type CompressionKind = "zst" | "gz" | "none";
export interface Compression {
  readonly kind: CompressionKind;
  readonly level: number;
}

/** What an archive is sealed to. */
export type SealingKey =
  | { readonly kind: "passphrase"; readonly passphrase: Secret }
  | { readonly kind: "public-keys"; readonly armored: readonly string[] }
  | { readonly kind: "none" };

/** What can open it again. Public-key backups need the private key; passphrase backups the passphrase. */
export interface OpeningKeys {
  readonly passphrase?: Secret;
  readonly privateKeys?: readonly Secret[];
  readonly privateKeyPassphrase?: Secret;
  /** Of the data of one file (32 bytes), where that is remembered: what is locked with it needs no other key. */
  readonly sessionKey?: Uint8Array;
  /** Fingerprints of the keys one of which must have signed receipts no passphrase authenticates. None: nobody knows. */
  readonly signers?: readonly string[];
  /** True if this operator encrypts, so that what is in clear and signed by nobody known is not his. */
  readonly expectEncrypted?: boolean;
}

/** A finished file in the spool, with its digest. */
export interface SealedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** One line of the index: one member of the archive. Paths are bytes; `backup/…`, no trailing slash. */
export interface IndexEntry {
  readonly path: Buffer;
  readonly type: "file" | "folder" | "symlink" | "hardlink";
  /** Of the content; 0 for all but files. */
  readonly sizeBytes: number;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970; may be negative. */
  readonly mtimeNs: bigint;
  /** Target of a symlink, or the member a hardlink is another name of. */
  readonly linkTarget?: Buffer;
  /** Of a sparse file only: what it takes in the archive, its holes not counted. Backups of before have it not. */
  readonly storedBytes?: number;
  /** Of a file's content, holes read as zeros. Lower-case hex. Undefined if that is damaged. */
  readonly sha256?: string;
  /**
   * Of a file that is not whole, as zeros stand for a part of it. partial: the rest could not be read; shrank: it was cut
   * short while it was read.
   */
  readonly damage?: "partial" | "shrank";
  /** Of what the archive has of a file that is not whole. */
  readonly storedSha256?: string;
  /** The id of the backup whose archive holds it. */
  readonly heldBy: string;
}
