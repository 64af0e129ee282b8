import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { LifeboatError } from "../errors.ts";
import { isSystemError, syncFolder, writeAtomically } from "../system/files.ts";

const identity = {
  id: z.string().min(1),
  name: z.string().min(1),
  /** By which a container that compose replaced is found again. */
  compose: z.strictObject({ project: z.string(), service: z.string(), number: z.string() }).nullable(),
};

const heldContainer = z.strictObject({
  ...identity,
  act: z.enum(["stop", "pause"]),
  /** The state it had, and so the state it gets back. Others are never held. */
  found: z.enum(["running", "restarting"]),
  health: z.enum(["none", "starting", "healthy", "unhealthy"]),
  /** As the engine said before the act: if it still says so, and the container runs, the act has not happened (yet). */
  startedAt: z.string(),
  /** Until when a stop that was asked for may still happen, at the latest; the wall clock's time. */
  actUntil: z.iso.datetime(),
  timeoutMs: z.number().positive(),
  /** Ids of containers that must be back before this one. */
  dependsOn: z.array(z.string()),
});

const openHook = z.strictObject({
  ...identity,
  /** Set while a command may be running in the container; its environment carries the mark. */
  running: z.strictObject({ mark: z.string(), user: z.string().nullable() }).nullable(),
  afterIsDue: z.boolean(),
});

const journalFile = z.strictObject({
  version: z.literal(1),
  /** In the order in which they came to rest; they come back in the opposite one. */
  containers: z.array(heldContainer),
  hooks: z.array(openHook),
});

export type HeldContainer = Readonly<z.infer<typeof heldContainer>>;
export type OpenHook = Readonly<z.infer<typeof openHook>>;

/** What has been done to the stack and not been undone, on disk. Every method resolves once the disk has it. */
export interface Journal {
  readonly path: string;
  readonly containers: readonly HeldContainer[];
  readonly hooks: readonly OpenHook[];
  /** Last in order; takes the place of what was noted for the same container. */
  setContainer(container: HeldContainer): Promise<void>;
  dropContainer(id: string): Promise<void>;
  /** Takes the place of what was noted for the same container. */
  setHook(hook: OpenHook): Promise<void>;
  dropHook(id: string): Promise<void>;
}

/** Opens `hold.json` of the state folder. Rejects, naming the file, if it cannot be read or is of another version. */
export async function openJournal(stateFolder: string): Promise<Journal> {
  const path = join(stateFolder, "hold.json");
  let { containers, hooks } = await readJournal(path);
  const write = async (changed: { containers?: HeldContainer[]; hooks?: OpenHook[] }) => {
    const next = { containers, hooks, ...changed };
    const isEmptyAlready = containers.length + hooks.length === 0;
    if (next.containers.length + next.hooks.length === 0) {
      if (isEmptyAlready) return;
      await rm(path, { force: true });
      await syncFolder(stateFolder);
    } else {
      await writeAtomically(path, `${JSON.stringify({ version: 1, ...next }, null, 2)}\n`);
    }
    ({ containers, hooks } = next);
  };
  return {
    path,
    get containers() {
      return containers;
    },
    get hooks() {
      return hooks;
    },
    setContainer: (container) =>
      write({ containers: [...containers.filter((one) => one.id !== container.id), container] }),
    dropContainer: (id) => write({ containers: containers.filter((one) => one.id !== id) }),
    setHook: (hook) => write({ hooks: [...hooks.filter((one) => one.id !== hook.id), hook] }),
    dropHook: (id) => write({ hooks: hooks.filter((one) => one.id !== id) }),
  };
}

/** Names of the containers that are at rest, or were left down, by this or an earlier process. Rejects as openJournal. */
export async function readHeldJournal(stateFolder: string): Promise<readonly string[]> {
  const { containers } = await readJournal(join(stateFolder, "hold.json"));
  return containers.map((container) => container.name);
}

async function readJournal(path: string): Promise<{ containers: HeldContainer[]; hooks: OpenHook[] }> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return { containers: [], hooks: [] };
    throw unusable(path, "cannot be read", error);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw unusable(path, "is not JSON", error);
  }
  const version = (content as { version?: unknown } | null)?.version;
  if (typeof version === "number" && version !== 1) {
    throw unusable(path, `was written by another version of lifeboat (format ${version}, this one knows 1)`);
  }
  const parsed = journalFile.safeParse(content);
  if (!parsed.success) throw unusable(path, "is damaged", new Error(z.prettifyError(parsed.error)));
  return { containers: parsed.data.containers, hooks: parsed.data.hooks };
}

function unusable(path: string, how: string, cause?: unknown): LifeboatError {
  return new LifeboatError("failed", `the journal of held containers '${path}' ${how}`, {
    hint:
      `It may name containers that are still stopped or paused. Look into it, bring them back (docker start, docker ` +
      `unpause), then remove '${path}'.`,
    ...(cause === undefined ? {} : { cause }),
  });
}
