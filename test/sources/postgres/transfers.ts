import type { PostgresServer } from "../../servers/postgres.ts";

/** Two tables of accounts, and a journal of what was moved from one to the other: a torn copy breaks their sums. */
export const ACCOUNTS = `
CREATE TABLE checking (id int PRIMARY KEY, balance int); CREATE TABLE savings (id int PRIMARY KEY, balance int);
INSERT INTO checking SELECT n, 1000 FROM generate_series(1, 1000) n;
INSERT INTO savings SELECT n, 1000 FROM generate_series(1, 1000) n;
CREATE TABLE journal (id serial PRIMARY KEY, delta int);
`;

/** Both are "t" on a copy of one moment. */
export const SUMS = `
SELECT (SELECT sum(balance) FROM checking) + (SELECT sum(balance) FROM savings) = 2000000;
SELECT (SELECT sum(balance) FROM savings) - 1000000 = (SELECT coalesce(sum(delta), 0) FROM journal);
`;

/** Moves money from one table to another, and writes down how much. */
const TRANSFER = `
\\set one random(1, 1000)
\\set other random(1, 1000)
\\set delta random(-9, 9)
BEGIN;
UPDATE checking SET balance = balance - :delta WHERE id = :one;
UPDATE savings SET balance = balance + :delta WHERE id = :other;
INSERT INTO journal (delta) VALUES (:delta);
COMMIT;
`;

/** As fast as it goes. Gives the way to stop it. */
export async function startWriter(server: PostgresServer): Promise<() => Promise<void>> {
  return await transferring(server, "");
}

/** A hundred times a second. */
export async function startSteadyWriter(server: PostgresServer): Promise<() => Promise<void>> {
  return await transferring(server, "--rate=100");
}

async function transferring(server: PostgresServer, rate: string): Promise<() => Promise<void>> {
  await server.sh(`cat >/tmp/transfer <<'END'${TRANSFER}END`);
  const running = server.sh(
    `rm -f /tmp/stop; while [ ! -e /tmp/stop ]; do pgbench -n -U app -c 2 -T 1 ${rate} -f /tmp/transfer app; done`,
  );
  return async () => {
    await server.sh("touch /tmp/stop");
    await running;
  };
}

export async function transfers(server: PostgresServer): Promise<number> {
  return Number(await server.sql("SELECT count(*) FROM journal"));
}
