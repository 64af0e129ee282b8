import { printable } from "../../sources/names.ts";
import { openSignOf, type FoundStore } from "../../sources/stores.ts";
import type { StoreInUse } from "./stores-in-use.ts";

/** A sentence for each program (and its containers) whose files are copied while it may write: what, why, what to do. */
export function flawsOfStores(found: readonly StoreInUse[], hasEngine: boolean): readonly string[] {
  const groups = Map.groupBy(found, ({ store, because, users }) =>
    JSON.stringify([store.program, because, users.map(({ container }) => container)]),
  );
  return [...groups.values()].map((group) => sentence(group, hasEngine));
}

function sentence(group: readonly StoreInUse[], hasEngine: boolean): string {
  const [first] = group;
  if (!first) return "";
  const stores = group.map(({ store }) => store);
  return `${named(stores)} of ${first.store.program} ${isOrAre(stores)} ${reason(first)}: what is copied file by file while its program writes may not open again. ${wayOut(first, stores, hasEngine)}`;
}

function reason({ because, users, store }: StoreInUse): string {
  if (because === "changed") return "written to while the archive was made";
  if (because === "sign") {
    const sign = store.form === "file" ? "those beside it" : `'${openSignOf(store)}'`;
    return `in use, as far as its files tell (${sign})`;
  }
  const names = users.filter(({ isAtRest }) => !isAtRest).map(({ container }) => `'${container}'`);
  return `in use by ${names.length === 1 ? "container" : "containers"} ${names.join(", ")}`;
}

function wayOut(first: StoreInUse, stores: readonly FoundStore[], hasEngine: boolean): string {
  const leaveOut = `leave its files out (BACKUP_EXCLUDE${globOf(stores)})`;
  const { users, store, because } = first;
  if (users.some(({ isDumped }) => isDumped)) return `Its databases are dumped: ${leaveOut}`;
  const isPostgres = store.program.startsWith("PostgreSQL");
  const dump = isPostgres ? "have it dumped (lifeboat.postgres=true or BACKUP_POSTGRES)" : "have it dumped by a hook";
  const scope = users.every(({ isLookedAt }) => isLookedAt) ? "" : ", and see that BACKUP_DOCKER_PROJECT looks at it";
  const hold = `label its container lifeboat.hold=stop${hasEngine ? scope : " and give the sidecar the Docker socket"}`;
  const ways = `${hold}; or ${dump} and ${leaveOut}`;
  if (because !== "sign") return `${capital(ways)}`;
  return `${capital(ways)}. If nothing runs there, it was killed: start it once and end it in order`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const MAX_NAMED = 5;

function named(stores: readonly FoundStore[]): string {
  const shown = stores.slice(0, MAX_NAMED).map(({ path }) => `'${nameOf(path)}'`);
  const more = stores.length > shown.length ? `, and ${stores.length - shown.length} more` : "";
  const form = stores[0]?.form === "file" ? "file" : "data folder";
  return `${stores.length === 1 ? `the ${form}` : `the ${form}s`} ${shown.join(", ")}${more}`;
}

function isOrAre(stores: readonly FoundStore[]): string {
  return stores.length === 1 ? "is" : "are";
}

function nameOf(path: string): string {
  return path === "" ? "." : printable(path);
}

/** What can be put into the setting as it is; of several, or where the name is not that plain, nothing. */
function globOf(stores: readonly FoundStore[]): string {
  const [only, ...others] = stores;
  return only && others.length === 0 && /^[\w./-]+$/.test(only.path) ? `=${only.path}` : "";
}
