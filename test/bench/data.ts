import { createCipheriv, createHash, randomFillSync } from "node:crypto";
import { existsSync, mkdirSync, openSync, closeSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const MIB = 1024 * 1024;

/**
 * Makes (once) a folder of `sizeMib` MiB of mixed data, the same bytes every time: two fifths text like a log,
 * one fifth small files, two fifths incompressible.
 */
export function benchData(cacheFolder: string, sizeMib: number): string {
  const folder = join(cacheFolder, `data-${sizeMib}`);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  const random = deterministicBytes("lifeboat bench");
  const fifth = Math.floor(sizeMib / 5);
  for (const sub of ["logs", "small", "media"]) mkdirSync(join(partial, sub), { recursive: true });
  writeParts(join(partial, "logs"), 2 * fifth, (size) => logText(random, size));
  writeSmallFiles(join(partial, "small"), fifth * MIB, random);
  writeParts(join(partial, "media"), sizeMib - 3 * fifth, (size) => random(size));
  renameSync(partial, folder);
  return folder;
}

type RandomBytes = (size: number) => Buffer;

/** A stream cipher over zeros: fast, and the same for everyone who measures. */
function deterministicBytes(seed: string): RandomBytes {
  const key = createHash("sha256").update(seed).digest();
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  return (size) => cipher.update(Buffer.alloc(size));
}

function writeParts(folder: string, mib: number, content: (size: number) => Buffer): void {
  const PART_MIB = 64;
  for (let done = 0, at = 0; done < mib; done += PART_MIB, at++) {
    const file = openSync(join(folder, `part-${at}`), "w");
    for (let left = Math.min(PART_MIB, mib - done); left > 0; left--) writeSync(file, content(MIB));
    closeSync(file);
  }
}

const WORDS =
  "GET POST /authorize /token /connect/register 200 302 401 client user session refresh issued expired".split(" ");

function logText(random: RandomBytes, size: number): Buffer {
  const lines: string[] = [];
  for (let length = 0; length < size;) {
    const bytes = random(12);
    const stamp = new Date(1_767_225_600_000 + bytes.readUInt32LE(0)).toISOString();
    const words = [...bytes.subarray(4, 9)].map((byte) => WORDS[byte % WORDS.length]).join(" ");
    const line = `${stamp} ${words} ip=10.${bytes[9]}.${bytes[10]}.${bytes[11]} took=${bytes.readUInt16LE(2)}us\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join("")).subarray(0, size);
}

/** From 200 bytes to 32 KiB, as configuration, mail and web pages have it; half text, half not. */
function writeSmallFiles(folder: string, total: number, random: RandomBytes): void {
  for (let done = 0, at = 0; done < total; at++) {
    const size = 200 + (random(4).readUInt32LE(0) % 32_000);
    const sub = join(folder, String(at % 200));
    if (at < 200) mkdirSync(sub);
    writeFileSync(join(sub, `file-${at}`), at % 2 === 0 ? logText(random, size) : random(size));
    done += size;
  }
}

/** A secret for the benchmark alone. */
export function benchPassphrase(): string {
  return randomFillSync(Buffer.alloc(18)).toString("base64url");
}
