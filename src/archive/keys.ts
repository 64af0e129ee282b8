import { readKeys, type Key } from "openpgp";

/** The public keys of armored blocks; each block may hold several. */
export async function readSealingKeys(armored: readonly string[]): Promise<Key[]> {
  const keys: Key[] = [];
  for (const armoredKeys of armored) keys.push(...(await readKeys({ armoredKeys })));
  return keys;
}
