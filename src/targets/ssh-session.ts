import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fullDisk } from "../system/disk-failure.ts";
import type { Secret } from "../system/secret.ts";
import { withFreshFolder } from "./fresh-folder.ts";

export interface SshOptions {
  readonly port: number;
  /** The private key itself (OpenSSH format), without a passphrase. */
  readonly sshKey: Secret;
  /** Lines of a known_hosts file; a port other than 22 is written "[host]:port". */
  readonly knownHosts: string;
}

/** What a call needs to reach the far side, for the time of the call. */
export interface SshSession {
  /** Arguments of ssh before the login. */
  readonly args: readonly string[];
  /** The same as one word for rsync's `--rsh`. */
  readonly command: string;
}

/**
 * Runs `work` with key, known hosts and a configuration of ssh in a private folder that is gone afterwards.
 * With a configuration of its own, ssh reads neither the user's nor the system's.
 */
export async function withSsh<Result>(
  options: SshOptions,
  runFolder: string,
  work: (ssh: SshSession) => Promise<Result>,
): Promise<Result> {
  return await withFreshFolder(runFolder, async (folder) => {
    const [key, knownHosts, config] = [join(folder, "key"), join(folder, "known_hosts"), join(folder, "config")];
    // OpenSSH refuses a key whose last line does not end; a value that came from the environment often does not.
    const write = async (path: string, text: string) => {
      await writeFile(path, text, { mode: 0o600, flag: "wx" }).catch((error: unknown) => {
        throw fullDisk(error, "write the files for ssh", runFolder);
      });
    };
    await write(key, `${options.sshKey.reveal().trimEnd()}\n`);
    await write(knownHosts, `${options.knownHosts.trimEnd()}\n`);
    await write(config, configuration(options.port, key, knownHosts));
    return await work({ args: ["-F", config], command: `ssh -F '${config.replaceAll("'", "''")}'` });
  });
}

/**
 * `ServerAlive…`: a far side that does not answer for a minute is given up. `LogLevel`: below INFO ssh does not say that
 * the two have no algorithm in common.
 */
function configuration(port: number, key: string, knownHosts: string): string {
  return `Host *
Port ${port}
IdentityFile "${key}"
IdentitiesOnly yes
IdentityAgent none
PreferredAuthentications publickey
BatchMode yes
StrictHostKeyChecking yes
UserKnownHostsFile "${knownHosts}"
GlobalKnownHostsFile /dev/null
UpdateHostKeys no
ControlMaster no
ControlPath none
ForwardAgent no
RequestTTY no
LogLevel INFO
ConnectTimeout 20
ServerAliveInterval 15
ServerAliveCountMax 4
`;
}
