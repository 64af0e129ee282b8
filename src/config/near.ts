import leven from "leven";

/** The candidate that `given` was probably meant to be, or undefined when none is close. */
export function nearest(given: string, candidates: Iterable<string>): string | undefined {
  const wanted = normal(given);
  let best: { candidate: string; edits: number } | undefined;
  for (const candidate of candidates) {
    const edits = leven(wanted, normal(candidate));
    const isTypo = edits <= Math.max(2, Math.floor(candidate.length / 6)) && edits < candidate.length / 3;
    if (!isTypo && !isShortened(wanted, normal(candidate))) continue;
    if (!best || edits < best.edits) best = { candidate, edits };
  }
  return best?.candidate;
}

function normal(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}

/** AWS_S3_BUCKET for AWS_S3_BUCKET_NAME, or the other way round; two words at least, so that "AWS" is nobody's kin. */
function isShortened(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.includes("_") && long.startsWith(`${short}_`) && !long.endsWith("_FILE");
}
