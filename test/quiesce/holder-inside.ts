/** What a sidecar's container runs in tests: holds its own project's containers, releases them, says how it went. */
import { createQuiescer } from "../../src/quiesce/docker-quiescer.ts";
import { describeError } from "../../src/errors.ts";
import { systemClock } from "../../src/system/clock.ts";
import { connectDocker } from "../../src/system/docker.ts";
import { silentLog } from "../../src/system/log.ts";

const docker = connectDocker("unix:///var/run/docker.sock");
const parts = { docker, stateFolder: "/tmp/state", sourcesFolder: "/tmp", log: silentLog, clock: systemClock };
try {
  const hold = await createQuiescer({ ...parts, project: "own-project" }).hold(new AbortController().signal);
  const failures = (await hold.release()).map(({ error }) => describeError(error));
  console.log(JSON.stringify({ held: hold.held, warnings: hold.warnings, failures }));
} catch (error) {
  console.log(JSON.stringify({ error: [describeError(error)] }));
}
