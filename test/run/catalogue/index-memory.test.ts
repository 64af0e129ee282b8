import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Receipt } from "../../../src/archive/receipt.ts";
import { IndexMemory } from "../../../src/run/catalogue/index-memory.ts";
import { silentLog } from "../../../src/system/log.ts";
import { Secret } from "../../../src/system/secret.ts";

let state: string;
before(async () => {
  state = await mkdtemp(join(tmpdir(), "lifeboat-memory-"));
});
after(() => rm(state, { recursive: true }));

const tools = { keys: { passphrase: new Secret("a passphrase of some length") }, log: silentLog };
const kdf = { salt: "00".repeat(16), n: 2 ** 14, r: 8, p: 1 } as const;

/** What counts of a receipt: which index, when, and how it is proven. */
function receipt(day: number): Receipt {
  const authentication = { kind: "passphrase", kdf, check: "", mac: "" };
  const takenAt = `2026-01-${String(day).padStart(2, "0")}T02:00:00.000Z`;
  return { takenAt, index: { sha256: String(day).padStart(64, "0") }, authentication } as unknown as Receipt;
}

const opened = () => ({ sessionKey: randomBytes(32), packed: randomBytes(1000) });
const room = 3 * 1100;
const days = async (memory: IndexMemory) => {
  const known: number[] = [];
  for (let day = 1; day <= 9; day += 1) if (await memory.recall(receipt(day))) known.push(day);
  return known;
};

test("what is remembered comes back, to this passphrase only", async () => {
  const memory = new IndexMemory(state, tools, room);
  const index = opened();
  await memory.remember(receipt(5), index);
  assert.deepEqual(await memory.recall(receipt(5)), index);
  assert.equal(await memory.recall(receipt(6)), undefined);
  const other = new IndexMemory(state, { ...tools, keys: { passphrase: new Secret("another passphrase") } });
  assert.equal(await other.recall(receipt(5)), undefined);
  const none = new IndexMemory(state, { ...tools, keys: {} });
  await none.remember(receipt(6), opened());
  assert.deepEqual(await days(memory), [5]);
});

test("those of the newest backups are kept, as many as there is room for", async () => {
  const memory = new IndexMemory(state, tools, room);
  for (const day of [7, 3, 6]) await memory.remember(receipt(day), opened());
  assert.deepEqual(await days(memory), [5, 6, 7]);
  const later = new IndexMemory(state, tools, room);
  await later.remember(receipt(4), opened());
  assert.deepEqual(await days(later), [5, 6, 7]);
  await later.remember(receipt(9), { ...opened(), packed: randomBytes(2100) });
  assert.deepEqual(await days(later), [7, 9]);
});

test("what is of no backup any more goes, and so does what a dead command left half written", async () => {
  await writeFile(join(state, "indexes", "partial-0a1b2c3d"), "half");
  await new IndexMemory(state, tools, room).forgetOthers([receipt(7)]);
  assert.deepEqual(await readdir(join(state, "indexes")), [receipt(7).index.sha256]);
});

test("a state folder that takes nothing costs nothing but time", async () => {
  const file = join(state, "no-folder");
  await writeFile(file, "");
  const memory = new IndexMemory(file, tools);
  await memory.remember(receipt(1), opened());
  assert.equal(await memory.recall(receipt(1)), undefined);
  await memory.forgetOthers([]);
});
