import Database from "better-sqlite3";

// An application with a database, in a process of its own so that it can be killed: see volume.ts.
const [path = "", role = "", mode = "delete"] = process.argv.slice(2);
const database = new Database(path, { timeout: 30_000 });
database.pragma(`journal_mode = ${mode}`);
database.pragma("synchronous = OFF");

const ACCOUNTS = 2000;
database.exec(`
  CREATE TABLE IF NOT EXISTS checking (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, note TEXT);
  CREATE TABLE IF NOT EXISTS savings (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, note TEXT);
`);
const isNew = database.prepare("SELECT count(*) FROM checking").pluck().get() === 0;
if (isNew) {
  database.transaction(() => {
    for (let id = 1; id <= ACCOUNTS; id += 1) {
      for (const table of ["checking", "savings"]) {
        database.prepare(`INSERT INTO ${table} VALUES (?, 500, ?)`).run(id, "x".repeat(300));
      }
    }
  })();
}

const take = database.prepare("UPDATE checking SET balance = balance - ?, note = ? WHERE id = ?");
const give = database.prepare("UPDATE savings SET balance = balance + ?, note = ? WHERE id = ?");
const anyAccount = () => 1 + Math.floor(Math.random() * ACCOUNTS);
const transfer = database.transaction(() => {
  const note = String(Math.random()).padEnd(300, "y");
  for (let times = 0; times < 5; times += 1) {
    take.run(7, note, anyAccount());
    give.run(7, note, anyAccount());
  }
});

/** Half a transfer, large enough that SQLite has to write some of it into the database file before the commit. */
function transferHalf(): void {
  database.pragma("cache_size = 5");
  database.exec("BEGIN IMMEDIATE; UPDATE checking SET balance = balance - 7, note = 'half' || note");
}

const ready = () => process.stdout.write("ready\n");
const wait = () => setInterval(() => {}, 1000);
switch (role) {
  case "hammer":
    ready();
    setImmediate(function again() {
      transfer();
      setTimeout(again, 1);
    });
    break;
  case "open":
    database.pragma("wal_autocheckpoint = 0");
    for (let times = 0; times < 5; times += 1) transfer();
    ready();
    wait();
    break;
  case "half":
    transferHalf();
    ready();
    wait();
    break;
  case "attached-half":
    database.exec(`ATTACH '${path}-second' AS second; CREATE TABLE IF NOT EXISTS second.t (a)`);
    transferHalf();
    database.exec("INSERT INTO second.t VALUES (1)");
    ready();
    wait();
    break;
  case "lock":
    database.exec("BEGIN EXCLUSIVE");
    ready();
    wait();
    break;
  case "open-and-close":
    database.close();
    ready();
    setImmediate(function again() {
      const once = new Database(path, { timeout: 30_000 });
      const amount = Math.ceil(Math.random() * 9);
      once.exec(`BEGIN IMMEDIATE; UPDATE checking SET balance = balance - ${amount} WHERE id = 1;
        UPDATE savings SET balance = balance + ${amount} WHERE id = 2; COMMIT`);
      once.close();
      setTimeout(again, 5);
    });
    break;
  default:
    transfer();
    database.close();
    ready();
}
