/**
 * Where a test can let this room die (`failpoint`), in the order in which a hold and its release pass them.
 * Each dies at the first container that gets there.
 */
export const quiesceFailpoints = [
  "hold:planned",
  "hold:hook-journalled",
  "hook:running",
  "hold:hooks-run",
  "hold:container-journalled",
  "hold:container-acted",
  "hold:at-rest",
  "release:begun",
  "release:container-started",
  "release:container-dropped",
  "release:all-back",
  "release:hook-journalled",
  "release:hook-run",
] as const;
