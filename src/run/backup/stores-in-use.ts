import { join } from "node:path";
import { describeError } from "../../errors.ts";
import type { FolderUser } from "../../quiesce/quiescer.ts";
import type { Survey } from "../../sources/findings.ts";
import { bytesOf, pathBelow, type ByteString } from "../../sources/names.ts";
import { stateOf } from "../../sources/store-state.ts";
import { signOf, type FoundStore } from "../../sources/stores.ts";
import type { Tools } from "../conduct/tools.ts";

/** A store that its own program may be writing to, and why that is thought. */
export interface StoreInUse {
  readonly store: FoundStore;
  /** "user": a container that is not at rest has it. "sign": its files say so. "changed": it was written to. */
  readonly because: "user" | "sign" | "changed";
  /** The containers that have it, those that are not at rest first. */
  readonly users: readonly FolderUser[];
}

/** What was seen of each store at one moment. */
export interface StoreLook {
  readonly use: StoreInUse | undefined;
  /** Where neither its files nor a container tells whether its program runs: what was there. */
  readonly state: string | undefined;
  readonly store: FoundStore;
}

interface Looking {
  readonly quiescer: Pick<Tools["quiescer"], "usersOf">;
  readonly log: Tools["log"];
}

/** Looks at the stores of a survey as they are now. Writes nothing, and touches no container. */
export async function lookAtStores(
  { root, stores }: Pick<Survey, "root" | "stores">,
  tools: Looking,
  signal: AbortSignal,
): Promise<readonly StoreLook[]> {
  if (stores.length === 0) return [];
  const users = await usersOf(root, stores, tools, signal);
  const pathOf = (path: ByteString) => pathBelow(root, path);
  const looks: StoreLook[] = [];
  for (const [at, store] of stores.entries()) {
    const sign = await signOf(store, pathOf);
    const mine = users?.[at] ?? [];
    const because = sign === "closed" ? undefined : reasonOf(mine, sign);
    const isUntold = sign === "untold" && mine.length === 0;
    const state = isUntold ? await stateOf(store, pathOf, signal) : undefined;
    looks.push({ store, state, use: because && { store, because, users: wokenFirst(mine) } });
  }
  return looks;
}

/** Those in use before or after, or written to in between, of two looks at the same stores. */
export function usedBetween(before: readonly StoreLook[], after: readonly StoreLook[]): readonly StoreInUse[] {
  return before.flatMap(({ store, use, state }, at): StoreInUse[] => {
    const then = after[at];
    if (use) return [use];
    if (then?.use) return [then.use];
    return state !== undefined && then?.state !== state ? [{ store, because: "changed", users: [] }] : [];
  });
}

/** Undefined without an engine that tells. */
async function usersOf(
  root: string,
  stores: readonly FoundStore[],
  { quiescer, log }: Looking,
  signal: AbortSignal,
): Promise<readonly (readonly FolderUser[])[] | undefined> {
  try {
    const paths = stores.map(({ path }) => join(root, bytesOf(path).toString("utf8")));
    return await quiescer.usersOf(paths, signal);
  } catch (error) {
    signal.throwIfAborted();
    log.warn("the engine cannot be asked whose files are saved", { error: describeError(error) });
    return undefined;
  }
}

function reasonOf(users: readonly FolderUser[], sign: "open" | "untold"): StoreInUse["because"] | undefined {
  if (users.some(isAwake)) return "user";
  return users.length === 0 && sign === "open" ? "sign" : undefined;
}

/** Hooks before and after a copy are how an operator brings a program to rest in its own way. */
function isAwake({ isAtRest, isHooked }: FolderUser): boolean {
  return !isAtRest && !isHooked;
}

function wokenFirst(users: readonly FolderUser[]): readonly FolderUser[] {
  return [...users.filter(isAwake), ...users.filter((one) => !isAwake(one))];
}
