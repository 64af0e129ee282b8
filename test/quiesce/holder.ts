/** A run in a process of its own, for tests to kill: holds the project's containers, then releases them. */
import { createQuiescer } from "../../src/quiesce/docker-quiescer.ts";
import { systemClock } from "../../src/system/clock.ts";
import { connectDocker } from "../../src/system/docker.ts";
import { silentLog } from "../../src/system/log.ts";

const [stateFolder = "", project = ""] = process.argv.slice(2);
const docker = connectDocker(process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock");
const parts = { docker, stateFolder, project, sourcesFolder: stateFolder, log: silentLog, clock: systemClock };
const hold = await createQuiescer(parts).hold(new AbortController().signal);
const failures = await hold.release();
console.log(JSON.stringify({ held: hold.held, warnings: hold.warnings, failures: failures.map(String) }));
