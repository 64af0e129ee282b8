import { ChildError } from "../system/children.ts";
import { LifeboatError } from "../errors.ts";
import { TransientError } from "./target.ts";

interface Meaning {
  readonly sign: RegExp;
  readonly says: string;
  readonly hint: string;
  readonly passes?: boolean;
}

/** The first that matches decides, so the particular stand before the general. */
const meanings: readonly Meaning[] = [
  {
    sign: /REMOTE HOST IDENTIFICATION HAS CHANGED|Offending .* key in/i,
    says: "the host key has changed",
    hint: "Find out why before anything is sent there: the server was set up anew, or someone is in between. If it is right, put the new key into RSYNC_KNOWN_HOSTS (ssh-keyscan -p PORT HOST).",
  },
  {
    sign: /No .*host key is known for|Host key verification failed/i,
    says: "the host is not in the known hosts",
    hint: "Put its key into RSYNC_KNOWN_HOSTS (ssh-keyscan -p PORT HOST, compared with the server's own); with a port other than 22 the name is written [host]:port.",
  },
  {
    sign: /Unable to negotiate|no matching .* found/i,
    says: "its ssh server is too old: it offers only algorithms that ssh no longer uses",
    hint: "Update the server; 'Their offer' names what it has. Where that cannot be, use an rclone target of type sftp (RCLONE_DESTINATION), which can be told to allow them (key_exchange, ciphers, macs, host_key_algorithms).",
  },
  {
    sign: /Load key .*: (invalid format|error in libcrypto|incorrect passphrase)|invalid format/i,
    says: "the ssh key cannot be read",
    hint: "RSYNC_SSH_KEY takes the whole private key in OpenSSH format, line breaks included, without a passphrase.",
  },
  {
    sign: /Permission denied \((publickey|keyboard|password|gssapi)|Too many authentication failures/i,
    says: "the ssh key is refused",
    hint: "Add its public key to authorized_keys of that user on the server, or correct the user's name. An RSA key does not do for a server that is too old for other signatures than ssh-rsa: make one of type ed25519 or ecdsa.",
  },
  {
    sign: /No user exists for uid/i,
    says: "ssh needs a name for the user that the backup runs as",
    hint: "Run as a user that /etc/passwd knows.",
  },
  {
    sign: /No space left on device|Disk quota exceeded|\(28\)|\(122\)/i,
    says: "there is no space left there",
    hint: "Free some space there, raise the quota, or keep fewer backups. The backups there were not touched.",
  },
  {
    sign: /Read-only file system/i,
    says: "its file system is mounted read-only",
    hint: "Mount it writable on the server (after an error of the disk the kernel mounts it read-only: look at dmesg).",
  },
  {
    sign: /read(ing)?[- ](from )?.*write-only|write-only server|sending (from|not allowed)|-wo\b/i,
    says: "the server allows no reading",
    hint: "A backup that cannot be read back cannot be proven. Give rrsync no '-wo' ('-no-del -no-overwrite' are fine).",
  },
  {
    sign: /read-only server|-ro\b/i,
    says: "the server allows no writing",
    hint: "Take '-ro' off its rrsync.",
  },
  {
    sign: /allows sftp connections only|protocol version mismatch|is your shell clean/i,
    says: "the server does not answer with rsync",
    hint: "If it speaks sftp only, use an rclone target of type sftp (RCLONE_DESTINATION). Else its login prints something: what 'ssh USER@HOST true' shows must be nothing.",
  },
  {
    sign: /rrsync error: option/i,
    says: "the server forbids an option that is needed",
    hint: "Look at the options of rrsync in authorized_keys there.",
  },
  {
    sign: /rsync: (command )?not found|command not found|\(code 127\)/i,
    says: "there is no rsync on the server",
    hint: "Install rsync there, or use an rclone target of type sftp (RCLONE_DESTINATION).",
  },
  {
    sign: /\.lifeboat-partial.*No such file or directory/i,
    says: "its folder for partial files was taken away",
    hint: "Is another backup running there?",
    passes: true,
  },
  {
    sign: /mkdir.*failed|No such file or directory/i,
    says: "the folder does not exist there",
    hint: "Make the folder on the server; only its last part is made for you.",
  },
  {
    sign: /Permission denied \(13\)|Operation not permitted/i,
    says: "that user may not write there",
    hint: "Give the user the right to write to the folder on the server.",
  },
  {
    sign: /Could not resolve hostname/i,
    says: "its host name is not known",
    hint: "Correct the host, or look at the DNS of this machine.",
    passes: true,
  },
  {
    sign: /Connection refused|No route to host|Network is unreachable|Host is down/i,
    says: "it cannot be reached",
    hint: "Is the server up, RSYNC_PORT right, and no firewall in between?",
    passes: true,
  },
  {
    sign: /timed out|timeout|Connection (closed|reset)|Broken pipe|connection unexpectedly closed|kex_exchange_identification|Timeout, server/i,
    says: "the connection was lost",
    hint: "Look at the network and the server.",
    passes: true,
  },
];

/** Under load rsync ends before the far side's words have come through; its exit code is all there is then. */
const wordless: ReadonlyMap<number | undefined, Omit<Meaning, "sign">> = new Map([
  [
    11,
    {
      says: "there is no space left there, its disk is failing, or the folder does not exist there",
      hint: "Look at the free space and the disk of the server. Make the folder on the server; only its last part is made for you. The backups there were not touched.",
    },
  ],
]);

/** rsync's codes for trouble on the way (socket, protocol stream, time-outs), and ssh's own. */
const ON_THE_WAY = [10, 12, 30, 35, 255];

/** The failure of an rsync or ssh in words that name the target, the cause and what to do. */
export function rsyncFailure(targetName: string, doing: string, error: unknown): unknown {
  if (!(error instanceof ChildError)) return error;
  const message = `cannot ${doing} on '${targetName}'`;
  if (/is not installed/.test(error.message)) {
    const hint = "Install rsync and the OpenSSH client, or use the image, which has them.";
    return new LifeboatError("failed", `${message}: '${error.program}' is not installed`, { hint, cause: error });
  }
  const meaning = meanings.find(({ sign }) => sign.test(error.stderr)) ?? wordless.get(error.exitStatus);
  const passes = meaning ? meaning.passes : ON_THE_WAY.includes(error.exitStatus ?? 0);
  const said = shortened(error);
  const cause = passes ? new TransientError(said) : new Error(said);
  if (meaning) return new LifeboatError("failed", `${message}: ${meaning.says}`, { hint: meaning.hint, cause });
  return new LifeboatError("failed", `${message}: ${error.program} failed`, { cause });
}

/** What was said, without the frame of at-signs that ssh draws around its warning. */
function shortened(error: ChildError): string {
  const lines = error.stderr.split("\n").filter((line) => line.trim() && !/^@+$/.test(line.trim()));
  return `${error.program} exit code ${error.exitStatus}: ${lines.slice(0, 4).join(" / ")}`.slice(0, 600);
}

/** True if the far side refuses `--delete`, as append-only servers do. */
export function isDeletionRefused(error: unknown): boolean {
  return (
    error instanceof ChildError &&
    /delete.*(not allowed|not permitted|refus)|-no-del|unlink.*Permission denied|Operation not permitted|option --delete/i.test(
      error.stderr,
    )
  );
}
