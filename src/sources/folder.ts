import type { Snapshot } from "./source.ts";
import type { Survey } from "./findings.ts";
import type { Tally } from "./tally.ts";

/**
 * The files that are read where they are. What could not be read makes the finding "flawed"; what cannot be kept
 * (sockets, FIFOs, devices) or was not wanted is only counted and named.
 */
export function folderSnapshot(survey: Survey): Snapshot {
  const { root, listFile, walked, totals, special, unreadable, excluded, ownFolders, vanished } = survey;
  const flaws = flawsOf(survey);
  return {
    members: [{ root, listFile, inPlace: true, walked }],
    finding: {
      kind: "folder",
      name: root,
      outcome: flaws.length > 0 ? "flawed" : "good",
      flaws,
      facts: { ...totals, special, unreadable, excluded, ownFolders, vanished },
    },
  };
}

/** What a person must know of the files before they are read; empty if all is well. */
export function flawsOf({
  root,
  unreadable,
  leadingOut,
}: Pick<Survey, "root" | "unreadable" | "leadingOut">): readonly string[] {
  const links = leadingOut.count === 1 ? "a symlink leads" : `${leadingOut.count} symlinks lead`;
  return [
    ...(unreadable.count > 0 ? [`${howMany(unreadable)} could not be read: ${named(unreadable)}`] : []),
    ...(leadingOut.count > 0
      ? [
          `${links} out of what is saved, and what is there is in no backup: ${named(leadingOut)}. Mount the folder ` +
            `itself below ${root}, where the symlink is, or leave the symlink out (BACKUP_EXCLUDE)`,
        ]
      : []),
  ];
}

function howMany({ count }: Tally): string {
  return count === 1 ? "1 file or folder" : `${count} files or folders`;
}

const MAX_NAMED_IN_SENTENCE = 5;

function named({ count, names }: Tally): string {
  const shown = names.slice(0, MAX_NAMED_IN_SENTENCE).map((name) => `'${name}'`);
  return shown.join(", ") + (count > shown.length ? `, and ${count - shown.length} more` : "");
}
