import { LifeboatError } from "../errors.ts";

export interface RsyncDestination {
  /** "user@host", as ssh takes it. */
  readonly login: string;
  /** "user@host" as rsync takes it: an IPv6 address keeps its brackets. */
  readonly rsyncLogin: string;
  /** The folder on the far side, with a slash at its end; relative to the user's home without one at its start. */
  readonly folder: string;
}

const DESTINATION = /^([A-Za-z0-9_][\w.-]*)@(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9_][\w.-]*):(?!:)(.+)$/;

/** "user@host:/path" in its parts, or a settings error. */
export function parseDestination(destination: string): RsyncDestination {
  const [, user, host, path] = DESTINATION.exec(destination) ?? [];
  if (user === undefined || host === undefined || path === undefined || hasControlCharacter(path)) {
    throw new LifeboatError("settings", "the rsync destination is not of the form 'user@host:/path'", {
      hint: "Only rsync over ssh is spoken. The port has a setting of its own (RSYNC_PORT).",
    });
  }
  const folder = path.replace(/^~\//, "").replace(/\/*$/, "/");
  return { login: `${user}@${host.replace(/^\[|\]$/g, "")}`, rsyncLogin: `${user}@${host}`, folder };
}

function hasControlCharacter(path: string): boolean {
  return [...path].some((character) => character < " " || character === "\u007f");
}
