/**
 * A program's store: many files (or one that is written in place) that only together make sense. A copy made file by
 * file while the program writes is torn, whatever the program is good for after a power cut.
 */
export interface StoreKind {
  /** Whose it is, for a sentence: "a data folder of PostgreSQL". */
  readonly program: string;
  /** What is in the folder: all of these names, or names like these. One with a slash is looked for below it. */
  readonly marks: readonly (string | RegExp)[];
  /** What is there while the program runs, and is left behind only by one that was killed. */
  readonly open?: OpenSign;
  /** A name that tells that no program has the folder open: a copy made by the program's own tool. */
  readonly copy?: string;
}

export interface OpenSign {
  readonly name: string;
  /** "file": it is there. "content": it is not empty. */
  readonly by: "file" | "content";
  /** True if every release and every setting makes it, so that without it nothing runs. */
  readonly isSure: boolean;
}

/**
 * Known by names that no other program uses together; of two that fit, the first counts. Not here: what may be copied
 * at any moment, as Redis' dump.rdb, CouchDB, and everything that is written under another name and renamed.
 */
export const STORE_KINDS: readonly StoreKind[] = [
  {
    program: "PostgreSQL",
    marks: ["PG_VERSION", "global", "global/pg_control"],
    open: { name: "postmaster.pid", by: "file", isSure: true },
  },
  { program: "PostgreSQL (a tablespace)", marks: [/^PG_\d+(?:\.\d+)?_\d{9}$/] },
  {
    program: "MariaDB or MySQL",
    marks: ["ibdata1"],
    // The temporary tablespace, made at each start and removed by an orderly end. It may be configured elsewhere.
    open: { name: "ibtmp1", by: "file", isSure: false },
    copy: "xtrabackup_checkpoints",
  },
  {
    program: "MongoDB",
    marks: ["WiredTiger", "WiredTiger.turtle", "mongod.lock"],
    open: { name: "mongod.lock", by: "content", isSure: true },
  },
  { program: "WiredTiger", marks: ["WiredTiger", "WiredTiger.turtle"] },
  { program: "etcd", marks: ["member", "member/snap/db", "member/wal"] },
  { program: "Redis or Valkey (append-only files)", marks: [/\.aof\.manifest$/] },
  { program: "InfluxDB", marks: ["influxd.bolt", "engine"] },
  { program: "InfluxDB", marks: ["meta", "data", "wal", "meta/meta.db"] },
  { program: "Elasticsearch or OpenSearch", marks: ["node.lock", "_state"] },
  { program: "Lucene", marks: ["write.lock", /^segments_[0-9a-z]+$/] },
  { program: "Prometheus", marks: ["chunks_head", "wal"], open: { name: "lock", by: "file", isSure: false } },
  { program: "VictoriaMetrics", marks: ["flock.lock", "indexdb", "data"] },
  {
    program: "ClickHouse",
    marks: ["store", "metadata", "metadata_dropped"],
    open: { name: "status", by: "file", isSure: false },
  },
  { program: "Cassandra", marks: ["commitlog", "saved_caches", "data"] },
  { program: "SQL Server", marks: ["master.mdf", "mastlog.ldf"] },
  { program: "Mnesia (RabbitMQ, ejabberd)", marks: ["schema.DAT", "DECISION_TAB.LOG"] },
  { program: "LevelDB or RocksDB", marks: ["CURRENT", /^MANIFEST-\d{6,}$/] },
  { program: "Pebble (CockroachDB)", marks: [/^MANIFEST-\d{6,}$/, /^marker\.manifest\./] },
  { program: "Badger", marks: ["MANIFEST", "KEYREGISTRY"] },
  { program: "LMDB", marks: ["data.mdb", "lock.mdb"] },
];

/** A file with no header of SQLite's beside files of SQLite's: the whole of it is encrypted. */
export const ENCRYPTED_SQLITE = "SQLite, encrypted";
