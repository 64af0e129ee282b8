/** Where a test can let a restore in place die (`failpoint`), in the order in which a run passes them. */
export const inPlaceFailpoints = [
  "in-place:fetched",
  "in-place:staging",
  "in-place:extracted",
  "in-place:staged",
  "in-place:held",
  "in-place:swapping",
  "in-place:moved-aside",
  "in-place:put-in-place",
  "in-place:place-swapped",
  "in-place:file-copied",
  "in-place:file-written",
  "in-place:swapped",
  "in-place:released",
  "in-place:finishing",
  "in-place:place-finished",
] as const;

/** And those on the way back to the old data. */
export const undoFailpoints = [
  "in-place:undoing",
  "in-place:new-taken-away",
  "in-place:old-put-back",
  "in-place:undone",
  "in-place:place-finished",
] as const;
