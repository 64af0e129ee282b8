import { Secret } from "../system/secret.ts";
import type { TargetConfig } from "./config.ts";
import { refuseUseless, type Findings } from "./findings.ts";

/** The rsync target, if a destination is named. */
export function readRsync(findings: Findings): TargetConfig[] {
  const { values, isGiven, complain } = findings;
  if (!isGiven("RSYNC_DESTINATION")) {
    const others = ["RSYNC_PORT", "RSYNC_SSH_KEY", "RSYNC_KNOWN_HOSTS"] as const;
    refuseUseless(findings, others, "without RSYNC_DESTINATION", "RSYNC_DESTINATION as well, or without it");
    return [];
  }
  const destination = values.RSYNC_DESTINATION ?? "";
  const port = values.RSYNC_PORT ?? 22;
  const key = values.RSYNC_SSH_KEY;
  if (key === undefined) {
    complain(
      "RSYNC_SSH_KEY",
      "is not set, and rsync logs in with a key",
      "RSYNC_SSH_KEY_FILE with the path of a private key",
    );
  } else {
    const problem = problemOfKey(key);
    if (problem) complain("RSYNC_SSH_KEY", problem, "a private key without a passphrase, best as RSYNC_SSH_KEY_FILE");
  }
  const host = /@\[?([^\]:]+)/.exec(destination)?.[1] ?? "HOST";
  const scan = `what 'ssh-keyscan -p ${port} ${host}' prints, compared with the host's own, best as RSYNC_KNOWN_HOSTS_FILE`;
  const knownHosts = values.RSYNC_KNOWN_HOSTS;
  if (knownHosts === undefined) {
    complain("RSYNC_KNOWN_HOSTS", "is not set, and the host's key is always checked", scan);
  } else if (!knownHosts.split("\n").some((line) => /^(?!\s*#)\s*(@\S+\s+)?\S+\s+\S+\s+\S+/.test(line))) {
    const isPath = /^\/\S+$/.test(knownHosts);
    complain(
      "RSYNC_KNOWN_HOSTS",
      isPath ? "is a path instead of the lines themselves" : "has no host's key in it",
      scan,
    );
  }
  return [
    {
      kind: "rsync",
      destination,
      port,
      // ssh refuses a key file without a line break at its end.
      sshKey: new Secret(`${(key ?? "").trim()}\n`),
      knownHosts: `${(knownHosts ?? "").trim()}\n`,
    },
  ];
}

function problemOfKey(key: string): string | undefined {
  if (/^\/\S+$/.test(key)) return "is a path instead of the key itself";
  const body = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----\r?\n(.*?)-----END/s.exec(key);
  if (!body) return key.includes("PRIVATE KEY-----") ? "has lost its line breaks" : "is no private key";
  if (body[1] === "ENCRYPTED " || body[2]?.includes("ENCRYPTED") || isLocked(body[2] ?? "")) {
    return "is protected by a passphrase, which nobody is there to type";
  }
  return undefined;
}

/** OpenSSH's own format: the magic word, then the length and name of the cipher; "none" is no cipher. */
function isLocked(base64: string): boolean {
  const bytes = Buffer.from(base64, "base64");
  const magic = "openssh-key-v1\0";
  if (bytes.toString("latin1", 0, magic.length) !== magic || bytes.length < magic.length + 8) return false;
  const nameStart = magic.length + 4;
  return bytes.toString("latin1", nameStart, nameStart + bytes.readUInt32BE(magic.length)) !== "none";
}
