import { LifeboatError } from "../errors.ts";

/** The length of an AES key by OpenPGP's number of its cipher; undefined for every cipher that is not AES. */
export function aesKeyBytes(cipher: number): number | undefined {
  return { 7: 16, 8: 24, 9: 32 }[cipher];
}

/** The cipher of that number, as `gpg --version` spells it. */
export function cipherName(cipher: number): string {
  return NAMES[cipher] ?? `the cipher ${cipher}`;
}

const NAMES: readonly (string | undefined)[] = [
  ...[undefined, "IDEA", "3DES", "CAST5", "BLOWFISH", undefined, undefined],
  ...["AES", "AES192", "AES256", "TWOFISH", "CAMELLIA128", "CAMELLIA192", "CAMELLIA256"],
];

/** The error for what is whole, as far as is known, and opened by gpg alone. `what`: "is encrypted with CAST5". */
export function onlyGpgOpens(what: string, options = ""): LifeboatError {
  return onlyOtherProgramsOpen(what, `'gpg ${options}--output OPENED --decrypt FILE'`);
}

export function onlyOtherProgramsOpen(what: string, opener: string): LifeboatError {
  return new LifeboatError("failed", `it ${what}, which this program does not open`, {
    hint: `Open it with ${opener}, and go on with what that gives.`,
  });
}
