import type { Snapshot } from "./source.ts";
import type { Survey } from "./findings.ts";
import type { Tally } from "./tally.ts";

/**
 * The files that are read where they are. What could not be read makes the finding "flawed"; what cannot be kept
 * (sockets, FIFOs, devices) or was not wanted is only counted and named.
 */
export function folderSnapshot(survey: Survey): Snapshot {
  const { root, listFile, walked, totals, special, unreadable, excluded, ownFolders, vanished } = survey;
  const flaws = unreadable.count > 0 ? [`${howMany(unreadable)} could not be read: ${named(unreadable)}`] : [];
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

function howMany({ count }: Tally): string {
  return count === 1 ? "1 file or folder" : `${count} files or folders`;
}

const MAX_NAMED_IN_SENTENCE = 5;

function named({ count, names }: Tally): string {
  const shown = names.slice(0, MAX_NAMED_IN_SENTENCE).map((name) => `'${name}'`);
  return shown.join(", ") + (count > shown.length ? `, and ${count - shown.length} more` : "");
}
