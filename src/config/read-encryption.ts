import { Secret } from "../system/secret.ts";
import type { Config } from "./config.ts";
import { refuseUseless, type Findings } from "./findings.ts";

const MIN_PASSPHRASE_LENGTH = 12;

/** What archives are sealed to. Exactly one of passphrase, public keys, and an outspoken "none". */
export function readEncryption(findings: Findings): Config["encryption"] {
  const { values, isGiven, complain, warn } = findings;
  const passphrase = values.GPG_PASSPHRASE;
  const armored = readPublicKeys(findings);
  if (values.BACKUP_ENCRYPTION === "none") {
    const key = isGiven("GPG_PASSPHRASE") ? "GPG_PASSPHRASE" : "GPG_PUBLIC_KEY_RING";
    if (isGiven(key)) {
      complain("BACKUP_ENCRYPTION", `contradicts ${key}`, `without it, or without ${key}`);
    }
    return { kind: "none" };
  }
  if (isGiven("GPG_PASSPHRASE") && isGiven("GPG_PUBLIC_KEY_RING")) {
    complain("GPG_PASSPHRASE", "is given beside GPG_PUBLIC_KEY_RING", "one of the two");
  }
  if (passphrase) {
    if (passphrase.reveal().length < MIN_PASSPHRASE_LENGTH) {
      warn(
        `GPG_PASSPHRASE has fewer than ${MIN_PASSPHRASE_LENGTH} characters, which can be guessed; 'openssl rand -base64 30' makes a good one`,
      );
    }
    return { kind: "passphrase", passphrase: withoutEditorsMarks(passphrase) };
  }
  return armored.length > 0 ? { kind: "public-keys", armored } : { kind: "none" };
}

/** A backup may go out in clear only when someone said so in so many words. */
export function requireEncryption({ values, isGiven, complain }: Findings): void {
  if (values.BACKUP_ENCRYPTION === "none" || isGiven("GPG_PASSPHRASE") || isGiven("GPG_PUBLIC_KEY_RING")) return;
  complain(
    "GPG_PASSPHRASE",
    "is not set, nor is GPG_PUBLIC_KEY_RING, so nothing would be encrypted",
    "a passphrase that is also kept elsewhere ('openssl rand -base64 30' makes one), or BACKUP_ENCRYPTION=none to write backups in clear",
  );
}

/**
 * A passphrase that `gpg --passphrase-file` would not take from the same file as we do, or nobody could type, must not
 * seal anything. A copy of its file that an editor has been at still opens what was sealed with it.
 */
export function requireTypeable({ values, complain }: Findings): void {
  const passphrase = values.GPG_PASSPHRASE?.reveal() ?? "";
  const odd = ODD_CHARACTERS.find(({ pattern }) => pattern.test(passphrase));
  if (odd === undefined) return;
  const right =
    "one line of plain text, such as 'openssl rand -base64 30' makes, so that gpg opens the backups with it too";
  complain("GPG_PASSPHRASE", odd.problem, right);
}

function withoutEditorsMarks(passphrase: Secret): Secret {
  return new Secret(passphrase.reveal().replace(/^\uFEFF|[\r\n]+$/g, ""));
}

const ODD_CHARACTERS: readonly { readonly pattern: RegExp; readonly problem: string }[] = [
  { pattern: /\uFFFD/, problem: "has bytes that are no UTF-8 text" },
  { pattern: /\uFEFF/, problem: "has a byte order mark, which an editor put there unseen" },
  { pattern: /\r$/, problem: "ends with a carriage return, as lines of Windows do" },
  { pattern: /[\r\n]/, problem: "has more than one line, of which gpg takes the first" },
  { pattern: /\p{Cc}/u, problem: "has a control character in it" },
];

function readPublicKeys({ values, complain }: Findings): readonly string[] {
  const text = values.GPG_PUBLIC_KEY_RING;
  if (text === undefined) return [];
  const blocks = armoredBlocks(text, "PUBLIC");
  if (text.includes("PGP PRIVATE KEY BLOCK")) {
    complain(
      "GPG_PUBLIC_KEY_RING",
      "holds a private key",
      "the public key alone ('gpg --armor --export'); the private one stays away from here",
    );
  } else if (blocks.length === 0) {
    complain(
      "GPG_PUBLIC_KEY_RING",
      whyNoBlock(text),
      "what 'gpg --armor --export' prints, best as GPG_PUBLIC_KEY_RING_FILE",
    );
  }
  return blocks;
}

/** What opens backups that were sealed to public keys. */
export function readPrivateKeys(findings: Findings): Pick<Config, "privateKeys" | "privateKeyPassphrase"> {
  const { values, isGiven, complain } = findings;
  const text = values.GPG_PRIVATE_KEY;
  const blocks = text === undefined ? [] : armoredBlocks(text, "PRIVATE");
  if (text !== undefined && blocks.length === 0) {
    complain(
      "GPG_PRIVATE_KEY",
      whyNoBlock(text),
      "what 'gpg --armor --export-secret-keys' prints, best as GPG_PRIVATE_KEY_FILE",
    );
  }
  if (!isGiven("GPG_PRIVATE_KEY")) {
    refuseUseless(
      findings,
      ["GPG_PRIVATE_KEY_PASSPHRASE"],
      "without GPG_PRIVATE_KEY",
      "GPG_PRIVATE_KEY as well, or without it",
    );
  }
  const passphrase = values.GPG_PRIVATE_KEY_PASSPHRASE;
  return {
    privateKeys: blocks.map((block) => new Secret(block)),
    ...(passphrase ? { privateKeyPassphrase: passphrase } : {}),
  };
}

function armoredBlocks(text: string, kind: "PUBLIC" | "PRIVATE"): readonly string[] {
  const block = new RegExp(`-----BEGIN PGP ${kind} KEY BLOCK-----\r?\n.*?-----END PGP ${kind} KEY BLOCK-----`, "gs");
  return [...text.matchAll(block)].map(([found]) => `${found}\n`);
}

function whyNoBlock(text: string): string {
  if (/^\/\S+$/.test(text)) return "is a path instead of the key itself";
  if (text.includes("-----BEGIN PGP") && !text.includes("\n")) return "has lost its line breaks";
  return "is no armored key of that kind";
}
