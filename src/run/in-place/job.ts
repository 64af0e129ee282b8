import { join } from "node:path";
import { z } from "zod";

/** A name or path as bytes, one character for each (latin1). */
const bytes = z.string();

const attributes = z.strictObject({
  uid: z.number(),
  gid: z.number(),
  mode: z.number(),
  /** Decimal: JSON's numbers are too coarse. */
  atimeNs: z.string().regex(/^-?\d+$/),
  mtimeNs: z.string().regex(/^-?\d+$/),
});
export type Attributes = Readonly<z.infer<typeof attributes>>;

const jobPlace = z.strictObject({
  folder: z.string(),
  path: z.string(),
  kind: z.enum(["folder", "file"]),
  /** "dev:ino": whoever works there must see the same as whoever looked. */
  identity: z.string(),
  /** Paths relative to the place that are wanted; null for all of it. */
  only: z.array(bytes).nullable(),
  /** Mount points below it, relative to it. */
  nested: z.array(bytes),
});
export type JobPlace = Readonly<z.infer<typeof jobPlace>>;

/** All that the work on files must know. Can be written down and sent. */
export const jobSchema = z.strictObject({
  /** Eight hexadecimal digits. */
  runId: z.string().regex(/^[0-9a-f]{8}$/),
  stateFolder: z.string(),
  places: z.array(jobPlace),
  exclude: z.array(z.string()),
  excludeRegexp: z.strictObject({ source: z.string(), flags: z.string() }).nullable(),
  /** "dev:ino" of this program's own folders. */
  never: z.array(z.string()),
});
export type Job = Readonly<z.infer<typeof jobSchema>>;

const move = z.strictObject({
  name: bytes,
  /** There is a live one, which is moved aside. */
  old: z.boolean(),
  /** There is a new one, which takes the place. */
  new: z.boolean(),
});

const folderSwap = z.strictObject({
  /** Relative to the place; empty for the place itself. */
  path: bytes,
  /** True if all of the folder is of the backup; false if only the names in `moves` are. */
  whole: z.boolean(),
  kept: z.array(bytes),
  moves: z.array(move),
  before: attributes,
  after: attributes.nullable(),
});
export type FolderSwap = Readonly<z.infer<typeof folderSwap>>;

/** What is done to one place, decided while everything is at rest. */
export const placeSwapSchema = z.strictObject({
  place: z.number(),
  folders: z.array(folderSwap),
  /** For a single file that is mounted. */
  file: z.strictObject({ before: attributes, after: attributes }).nullable(),
});
export type PlaceSwap = Readonly<z.infer<typeof placeSwapSchema>>;

/** Where a run keeps new, old and failed data of one place. On the same mount, so that renames work. */
export function workFolder(job: Pick<Job, "runId" | "stateFolder" | "places">, at: number): string {
  const place = placeAt(job, at);
  return place.kind === "folder" ? join(place.folder, `.lifeboat-${job.runId}`) : join(filesFolder(job), String(at));
}

/** For places that are single files: nothing can be put beside those. */
export function filesFolder({ stateFolder, runId }: Pick<Job, "runId" | "stateFolder">): string {
  return join(stateFolder, `in-place-${runId}`);
}

export function placeAt({ places }: Pick<Job, "places">, at: number): JobPlace {
  const place = places[at];
  if (!place) throw new Error(`there is no place ${at}`);
  return place;
}

/** The place's own root among the extracted files. */
export function newRoot(job: Job, at: number): string {
  return join(workFolder(job, at), "new", "backup", placeAt(job, at).path);
}
