import { readFile } from "node:fs/promises";

/** Bits of the kernel's capability sets. */
const BITS = { CHOWN: 0n, FOWNER: 3n } as const;

/** True if this process has all of them, or runs on a system that has none. */
export async function hasCapabilities(...names: readonly (keyof typeof BITS)[]): Promise<boolean> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => ""); // Not Linux: root may do all.
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (effective === undefined) return true;
  return names.every((name) => (BigInt(`0x${effective}`) >> BITS[name]) % 2n === 1n);
}
