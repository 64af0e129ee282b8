import { readSettings } from "../config/read.ts";
import { exitCodes } from "../errors.ts";
import { inZone } from "../report/units.ts";
import { health, type Health } from "../run/daemon/health.ts";
import { systemClock } from "../system/clock.ts";
import { localWorld } from "../world.ts";
import type { CommandLine, Options } from "./command.ts";

export function addHealth({ command, world, print, end }: CommandLine): void {
  const description = "exit with 0 if backups are made as they should be (for HEALTHCHECK)";
  command("health", description).action(async ({ json }: Options) => {
    // Run every minute for ever: nothing is put together that it does not need, and the engine is not asked.
    const { config } = readSettings(world.env, localWorld(), "health");
    const found = await health({ config, clock: systemClock });
    print(json ? JSON.stringify(found) : inZone(healthText(found), config.schedule.timeZone));
    end(found.healthy ? 0 : exitCodes.failed);
  });
}

function healthText({ healthy, problems, warnings, lastGood, nextRunAt }: Health): string {
  const facts = [
    lastGood ? `newest good backup ${lastGood.id} of ${lastGood.takenAt}` : "no good backup yet",
    ...(nextRunAt === undefined ? [] : [`next run at ${nextRunAt}`]),
  ];
  return [healthy ? "healthy" : "unhealthy", ...problems, ...warnings, ...facts].join("\n");
}
