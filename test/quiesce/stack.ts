import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { ContainerCreateOptions, ContainerInspectInfo } from "dockerode";
import { createQuiescer, type QuiescerOptions } from "../../src/quiesce/docker-quiescer.ts";
import type { QuiesceLimits } from "../../src/quiesce/limits.ts";
import type { Quiescer } from "../../src/quiesce/quiescer.ts";
import { systemClock } from "../../src/system/clock.ts";
import { connectDocker } from "../../src/system/docker.ts";
import type { Log } from "../../src/system/log.ts";

export const engineHost = process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
export const connection = connectDocker(engineHost);
export const image = "debian:trixie-slim";

/** Ends at once when it is told to, and never by itself. */
export const obedient = 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done';
/** Has to be killed. */
export const stubborn = 'trap "" TERM; while :; do sleep 1000 & wait; done';
/** Writes /data/db anew, by a rename, on HUP. */
export const savesOnHup =
  'save() { date +%s%N >/data/db.new; mv /data/db.new /data/db; }; trap save HUP; trap "exit 0" TERM; ' +
  "while :; do sleep 1000 & wait $!; done";

export interface Stack {
  readonly project: string;
  readonly folder: string;
  readonly stateFolder: string;
  /** Makes the container of a compose service as compose would, and starts it. Gives its id. */
  add(service: string, script: string, labels?: Record<string, string>, more?: ContainerCreateOptions): Promise<string>;
  nameOf(service: string): string;
  look(service: string): Promise<ContainerInspectInfo>;
  /** "running", "paused", "exited", …: the engine's own word. */
  status(...services: string[]): Promise<string[]>;
  docker<T>(act: Parameters<typeof connection.call<T>>[2]): Promise<T>;
  quiescer(options?: Partial<Omit<QuiescerOptions, "limits">> & { limits?: Partial<QuiesceLimits> }): Quiescer;
  /** Runs `sh -c` in the service's container; gives its exit code. */
  run(service: string, command: string): Promise<number>;
}

/** Containers of a compose project of the test's own; all of it is gone after the test. */
export async function makeStack(t: TestContext): Promise<Stack> {
  const project = `lb-q-${randomBytes(4).toString("hex")}`;
  const folder = await mkdtemp(join(tmpdir(), `${project}-`));
  const stateFolder = join(folder, "state");
  const nameOf = (service: string) => `${project}-${service}-1`;
  const docker: Stack["docker"] = (act) => connection.call("help a test", 60_000, act);
  t.after(async () => {
    const left = await docker((d) => d.listContainers({ all: true, filters: { label: [`lb-q=${project}`] } }));
    await Promise.all(left.map(({ Id }) => docker((d) => d.getContainer(Id).remove({ force: true, v: true }))));
    await rm(folder, { recursive: true, force: true });
  });
  const look = (service: string) => docker((d) => d.getContainer(nameOf(service)).inspect());
  return {
    project,
    folder,
    stateFolder,
    nameOf,
    look,
    docker,
    async add(service, script, labels = {}, more = {}) {
      const container = await docker((d) =>
        d.createContainer({
          name: nameOf(service),
          Image: image,
          Cmd: ["sh", "-c", script],
          ...more,
          Labels: {
            "lb-q": project,
            "com.docker.compose.project": project,
            "com.docker.compose.service": service,
            "com.docker.compose.container-number": "1",
            ...labels,
          },
          HostConfig: { NetworkMode: "none", ...more.HostConfig },
        }),
      );
      await docker(() => container.start());
      return container.id;
    },
    async status(...services) {
      return (await Promise.all(services.map(look))).map((found) => found.State.Status);
    },
    quiescer: (options = {}) =>
      createQuiescer({
        docker: connection,
        stateFolder,
        project,
        sourcesFolder: folder,
        log: diary(),
        clock: systemClock,
        ...options,
      }),
    async run(service, command) {
      const exec = await docker((d) =>
        d.getContainer(nameOf(service)).exec({ Cmd: ["sh", "-c", command], AttachStdout: true }),
      );
      const stream = await docker(() => exec.start({}));
      stream.resume();
      return await until(async () => (await docker(() => exec.inspect())).ExitCode ?? undefined);
    },
  };
}

/** A log that keeps what was said. */
export function diary(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const note = (message: string, fields?: object) => void lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  return { lines, debug: note, info: note, warn: note, error: note };
}

/** Asks until there is an answer; fails after `forMs`. */
export async function until<T>(ask: () => Promise<T | undefined>, forMs = 15_000): Promise<T> {
  const deadline = performance.now() + forMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${forMs} ms in vain`);
    await systemClock.sleep(50);
  }
}

export const never = new AbortController().signal;
