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

/** Those of databases of PostgreSQL, where there are some, in their order among the others. */
export const databaseFailpoints = {
  /** After "in-place:staged". */
  staging: ["in-place:roles-made", "in-place:database-made", "in-place:database-staged"],
  /** After "in-place:swapping" and all of the files. */
  swapping: ["postgres:closed", "in-place:databases-swapped"],
  /** After "in-place:undoing" and all of the files. */
  undoing: ["postgres:closed", "in-place:databases-put-back"],
  /** After "in-place:finishing" and "in-place:undone". */
  finishing: ["postgres:closed", "in-place:database-dropped"],
} as const;

/** And those on the way back to the old data. */
export const undoFailpoints = [
  "in-place:undoing",
  "in-place:new-taken-away",
  "in-place:old-put-back",
  "in-place:undone",
  "in-place:place-finished",
] as const;
