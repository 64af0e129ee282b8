/** Writes to a Barycenter-like database for as long as it is let: two rows in one transaction, never only one. */
import Database from "better-sqlite3";

const database = new Database(process.argv[2]);
database.pragma("journal_mode = WAL");
database.exec("CREATE TABLE IF NOT EXISTS pairs (id INTEGER PRIMARY KEY, side TEXT NOT NULL)");
const insert = database.prepare("INSERT INTO pairs (side) VALUES (?)");
const both = database.transaction(() => {
  insert.run("left");
  insert.run("right");
});
const write = () => {
  both();
  setTimeout(write, 2);
};
write();
process.stdout.write("writing\n");
