import assert from "node:assert/strict";
import type { Major, PostgresServer } from "../../../servers/postgres.ts";
import type { Ended, Settings, Sidecar } from "../../../sources/postgres/sidecar.ts";
import { EVERYTHING } from "./tables.ts";

export interface Report {
  readonly outcome: string;
  readonly written: boolean;
  readonly undoFile?: string;
  readonly tables: readonly {
    readonly table: string;
    readonly added: number;
    readonly different: number;
    readonly same: number;
    readonly altered: number;
    readonly onlyLive?: number;
    readonly gone: readonly string[];
    readonly fresh: readonly string[];
    readonly advanced?: readonly { readonly sequence: string; readonly to: string }[];
  }[];
}

export type Way = "by label" | "by URL";

/** The database `app` of a server, and the command that restores rows of it. */
export interface Reach {
  readonly major: Major;
  readonly way: Way;
  readonly server: PostgresServer;
  /** With it, the command is run on this database. */
  readonly settings: Settings;
  backup(): Promise<void>;
  run(args: readonly string[], more?: Settings): Promise<Ended>;
  /** With --yes; fails unless it ends with 0. */
  restored(...args: readonly string[]): Promise<Report>;
  /** With --yes; fails unless it ends with `exitCode`, says why, and leaves everything as it was. */
  refused(exitCode: number, why: RegExp, args: readonly string[], more?: Settings): Promise<void>;
  everything(): Promise<string>;
  /** Those of ours that are on the server. */
  scratchDatabases(): Promise<string>;
}

export function reach(sidecar: Sidecar, server: PostgresServer, major: Major, way: Way): Reach {
  const byLabel = { BACKUP_DOCKER_PROJECT: sidecar.network };
  const byUrl = { BACKUP_POSTGRES: `postgres://app@${server.host}/app`, BACKUP_POSTGRES_PASSWORD: server.password };
  const settings: Settings = {
    ...(way === "by label" ? byLabel : byUrl),
    BACKUP_NAME: `${server.host}-${way.replace(" ", "-")}`,
    BACKUP_POSTGRES_TIMEOUT: "60s",
    RESTORE_ROWS_ACCOUNT: "auth.nicks:account,auth.accounts:name",
  };
  const everything = () => server.sql(EVERYTHING);
  const scratchDatabases = () =>
    server.sql("SELECT datname FROM pg_database WHERE datname LIKE 'lifeboat%'", "postgres");
  const run: Reach["run"] = (args, more = {}) =>
    sidecar.lifeboat(["restore-rows", "latest", "--database", `.databases/${server.host}/app.pgdump`, ...args], {
      ...settings,
      ...more,
    });
  return {
    ...{ major, way, server, settings, everything, scratchDatabases, run },
    async backup() {
      const { exitCode, stderr } = await sidecar.lifeboat(["backup"], settings);
      // The image's pg_dump does not quite understand the catalogs of some minor releases; the rows come back even so.
      assert(exitCode === 0 || exitCode === 3, stderr);
    },
    async restored(...args) {
      const { exitCode, stdout, stderr } = await run([...args, "--yes", "--json"]);
      assert(exitCode === 0 || (exitCode === 3 && /does not understand the catalog/.test(stderr)), stderr);
      return JSON.parse(stdout) as Report;
    },
    async refused(exitCode, why, args, more) {
      const before = await everything();
      const ended = await run([...args, "--yes"], more);
      assert.match(ended.stdout + ended.stderr, why);
      assert.equal(ended.exitCode, exitCode, ended.stderr);
      assert.equal(await everything(), before, "rows were touched");
      assert.equal(await scratchDatabases(), "");
    },
  };
}
