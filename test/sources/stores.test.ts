import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import Database from "better-sqlite3";
import { pathBelow } from "../../src/sources/names.ts";
import { signOf, type FoundStore } from "../../src/sources/stores.ts";
import { stateOf } from "../../src/sources/store-state.ts";
import { survey, type SurveyOptions } from "../../src/sources/survey.ts";

const signal = new AbortController().signal;

/** What each program leaves in its folder, as its own images made it. */
const layouts: readonly (readonly [program: string, ...names: string[]])[] = [
  ["PostgreSQL", "PG_VERSION", "global/pg_control", "base/1/PG_VERSION", "pg_wal/0", "postgresql.conf"],
  ["PostgreSQL (a tablespace)", "PG_17_202406281/16384/16385"],
  ["MariaDB or MySQL", "ibdata1", "ib_logfile0", "mysql/global_priv.MAD", "aria_log_control"],
  ["MongoDB", "WiredTiger", "WiredTiger.turtle", "WiredTiger.wt", "mongod.lock", "collection-0.wt"],
  ["etcd", "member/snap/db", "member/wal/0.wal"],
  ["Redis or Valkey (append-only files)", "appendonly.aof.manifest", "appendonly.aof.1.base.rdb"],
  ["InfluxDB", "influxd.bolt", "influxd.sqlite", "engine/data/x"],
  ["InfluxDB", "meta/meta.db", "data/telegraf/x", "wal/telegraf/x"],
  ["Elasticsearch or OpenSearch", "node.lock", "_state/_0.cfe", "indices/a/0/index/segments_3"],
  ["Lucene", "segments_1a", "write.lock", "_0.cfs"],
  ["Prometheus", "chunks_head/000001", "wal/00000001"],
  ["VictoriaMetrics", "flock.lock", "data/small/x", "indexdb/x"],
  ["ClickHouse", "store/a/b", "metadata/default.sql", "metadata_dropped/x", "uuid"],
  ["Cassandra", "commitlog/x.log", "data/system/x", "saved_caches/x"],
  ["SQL Server", "master.mdf", "mastlog.ldf"],
  ["Mnesia (RabbitMQ, ejabberd)", "schema.DAT", "DECISION_TAB.LOG"],
  ["LevelDB or RocksDB", "CURRENT", "MANIFEST-000004", "000003.log", "LOCK"],
  ["Pebble (CockroachDB)", "MANIFEST-000001", "marker.manifest.000001.MANIFEST-000001", "LOCK"],
  ["Badger", "MANIFEST", "KEYREGISTRY", "000000.vlog"],
  ["LMDB", "data.mdb", "lock.mdb"],
];

describe("stores", () => {
  let root: string;
  let lists: string;
  const pathOf = (path: string) => pathBelow(root, path);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "stores-"));
    lists = await mkdtemp(join(tmpdir(), "stores-lists-"));
  });
  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
    await rm(lists, { recursive: true, force: true });
  });

  async function put(folder: string, names: readonly string[], content = "x"): Promise<void> {
    for (const name of names) {
      const path = join(root, folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
  }

  async function found(options: Partial<SurveyOptions> = {}): Promise<readonly FoundStore[]> {
    const folder = await mkdtemp(join(lists, "list-"));
    const { stores } = await survey(
      { root, exclude: ["*.pid"], sqlite: "auto", never: [], ...options },
      folder,
      signal,
    );
    return stores;
  }

  const sign = async (store: FoundStore | undefined) => store && (await signOf(store, pathOf));

  test("each program's folder is known at any depth, once, whatever is in it", async () => {
    for (const [at, [, ...names]] of layouts.entries()) await put(`${String(at).padStart(2, "0")}/18/data`, names);
    assert.deepEqual(
      (await found()).map(({ path, program }) => [path, program]),
      layouts.map(([program], at) => [`${String(at).padStart(2, "0")}/18/data`, program]),
    );
  });

  test("one that is the root itself covers all that is below it", async () => {
    await put("", ["PG_VERSION", "global/pg_control", "base/1/PG_VERSION", "CURRENT", "MANIFEST-000001"]);
    assert.deepEqual(await found(), [{ path: "", form: "folder", program: "PostgreSQL" }]);
  });

  test("a folder with some of the names is none, nor is one whose files are left out", async () => {
    await put("a", ["PG_VERSION", "base/1"]);
    await put("b", ["PG_VERSION", "global"]);
    await put("c", ["dump.rdb", "CURRENT", "wal/x", "data/x", "member/x"]);
    await put("d", ["PG_VERSION", "global/pg_control"]);
    assert.deepEqual(await found({ exclude: ["d/*"] }), []);
    assert.deepEqual(await found({ exclude: ["d"] }), []);
  });

  test("PostgreSQL is open while it has its postmaster.pid, which is in no backup, and closed without", async () => {
    await put("pg", ["PG_VERSION", "global/pg_control", "postmaster.pid"]);
    const [store] = await found();
    assert.equal(await sign(store), "open");
    await rm(join(root, "pg/postmaster.pid"));
    assert.equal(await sign(store), "closed");
  });

  test("MongoDB empties its lock when it ends, MariaDB removes its temporary tablespace", async () => {
    await put("mongo", ["WiredTiger", "WiredTiger.turtle", "mongod.lock"]);
    await put("maria", ["ibdata1", "ibtmp1"]);
    await put("copy", ["ibdata1", "xtrabackup_checkpoints"]);
    const [copy, maria, mongo] = await found();
    assert.deepEqual(await Promise.all([copy, maria, mongo].map(sign)), ["closed", "open", "open"]);
    await put("mongo", ["mongod.lock"], "");
    await rm(join(root, "maria/ibtmp1"));
    // It may have been elsewhere.
    assert.deepEqual(await Promise.all([maria, mongo].map(sign)), ["untold", "closed"]);
  });

  test("a file without SQLite's header beside its own side files is an encrypted database", async () => {
    const noise = "noise".repeat(500);
    await put("a", ["cipher.db", "cipher.db-wal", "cipher.db-shm", "rollback.db", "rollback.db-journal"], noise);
    await put("b", ["lonely.db-wal", "plain.db"], noise);
    await put("c", ["empty.db", "empty.db-wal"], "");
    const database = new Database(join(root, "a/plain.db"));
    database.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
    try {
      const stores = await found();
      assert.deepEqual(
        stores.map(({ path, form }) => [path, form]),
        [
          ["a/cipher.db", "file"],
          ["a/rollback.db", "file"],
        ],
      );
      assert.deepEqual(await Promise.all(stores.map(sign)), ["open", "untold"]);
      assert.deepEqual(await found({ sqlite: "off" }), []);
    } finally {
      database.close();
    }
  });

  test("the state of a store is another one after each write in it, and the same after none", async () => {
    await put("redis", ["appendonly.aof.manifest", "deep/incr"]);
    const [store] = await found();
    assert(store);
    const before = await stateOf(store, pathOf, signal);
    await put("beside", ["file"]);
    assert.equal(await stateOf(store, pathOf, signal), before);
    await put("redis", ["deep/incr"], "xy");
    const after = await stateOf(store, pathOf, signal);
    assert.notEqual(after, before);
    await rm(join(root, "redis/deep/incr"));
    assert.notEqual(await stateOf(store, pathOf, signal), after);
    await assert.rejects(stateOf(store, pathOf, AbortSignal.abort(new Error("enough"))), /enough/);
  });
});
