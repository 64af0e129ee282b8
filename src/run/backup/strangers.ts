import { straysToCome } from "../../plan/names.ts";
import type { Holding } from "../catalogue/catalogue.ts";
import { firstBrokenOnes } from "../catalogue/tell.ts";
import type { Conduct } from "../conduct/conduct.ts";
import type { Tools } from "../conduct/tools.ts";

/** Tells what lies at the targets under our name and is no backup of ours. A run that is cut off leaves no such thing. */
export function tellStrangers(holdings: readonly Holding[], run: Conduct, { config, clock }: Tools): void {
  const isLocked = ({ problem }: Holding["broken"][number]) => problem.kind === "wrong-key";
  const locked = holdings.flatMap(({ broken }) => broken).find(isLocked);
  if (locked) {
    run.warn(
      `backup '${locked.stem}' does not open with the key given here: if it was made with another, keep that one, or it cannot be restored`,
    );
  }
  const untrusted = holdings.map((one) => ({ ...one, broken: one.broken.filter((each) => !isLocked(each)) }));
  for (const sentence of firstBrokenOnes(untrusted)) run.warn(sentence);
  for (const { target, orphans } of holdings) {
    const stems = straysToCome(
      orphans.map(({ stem }) => stem),
      config.name,
      clock.now(),
    );
    for (const { keys } of orphans.filter(({ stem }) => stems.includes(stem))) {
      run.warn(
        `${keys.map((key) => `'${key}'`).join(" and ")} on '${target.name}' is named for a time to come and has no receipt: nothing of ours, remove it`,
      );
    }
  }
}
