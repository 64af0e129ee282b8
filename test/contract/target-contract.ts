import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { LifeboatError } from "../../src/errors.ts";
import type { Body, StoredObject, Target } from "../../src/targets/target.ts";

/** A fresh, empty place, and what only its kind knows. */
export interface Place {
  readonly target: Target;
  /** The same place, reached so slowly that a put of 8 MB takes longer than any test. */
  readonly slow: Target;
  /** For kinds that read `body.path` themselves: makes a body whose second half never comes. Else bodies are files. */
  readonly endlessBody?: (body: Body) => Promise<Body & AsyncDisposable>;
  /** Everything that lies in the place, whatever its name, unfinished uploads included. */
  everything(): Promise<readonly string[]>;
  /** Puts a file of somebody else there. */
  putForeign(name: string): Promise<void>;
  /** Under which name, for `putForeign`, a half-stored object of that key would lie. */
  partialName(key: string): string;
  /** A place whose folder the first put makes. Left out where the folder must exist. */
  readonly notThereYet?: Target;
  /** For kinds that let a program send: kills it, as it would be if memory ran out. */
  readonly killSender?: () => Promise<void>;
  /**
   * Lets somebody else store `content` under `key` once the next put has looked for it and before it stores anything.
   * Gives the body to put.
   */
  overtake(key: string, content: string, body: Body): Promise<Body>;
  /** How many objects the test of long listings stores. */
  readonly many: number;
}

const MB = 1_000_000;
const never = new AbortController().signal;
const anyKey = () => true;

/** Declares the tests that every kind of target has to pass. */
export function targetContract(kind: string, openPlace: () => Promise<Place>): void {
  describe(`target contract: ${kind}`, { timeout: 300_000 }, () => {
    let folder: string;
    let place: Place;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "lifeboat-contract-"));
      place = await openPlace();
    });
    after(async () => await rm(folder, { recursive: true, force: true }));

    async function bodyOf(content: Buffer | string): Promise<Body> {
      const path = join(folder, randomBytes(6).toString("hex"));
      await writeFile(path, content);
      return {
        path,
        sizeBytes: Buffer.byteLength(content),
        sha256: createHash("sha256").update(content).digest("hex"),
      };
    }
    const freshKey = () => `stack-${randomBytes(6).toString("hex")}.tar.zst.gpg`;
    const keysOf = (objects: readonly StoredObject[]) => objects.map(({ key }) => key);

    it("an empty place lists nothing", async () => {
      const fresh = await openPlace();
      assert.deepEqual(await fresh.target.list(never), []);
      assert.equal((await fresh.target.readSmall(["a", "b"], never)).size, 0);
      await fresh.target.remove(["a"], never);
      await fresh.target.sweep(anyKey, never);
    });

    it("a place that can be used passes the check, which leaves nothing there", async () => {
      const fresh = await openPlace();
      await fresh.target.check(never);
      assert.deepEqual(await fresh.everything(), []);
      await fresh.notThereYet?.check(never);
      await assert.rejects(fresh.target.check(AbortSignal.abort(new Error("too late"))), /too late/);
    });

    it("a place that the first put makes lists nothing before and the object after", async () => {
      if (!place.notThereYet) return;
      const target = place.notThereYet;
      assert.deepEqual(await target.list(never), []);
      assert.equal((await target.readSmall(["a"], never)).size, 0);
      await target.remove(["a"], never);
      await target.put("first", await bodyOf("1"), never);
      assert.deepEqual(await target.list(never), [{ key: "first", sizeBytes: 1 }]);
    });

    it("what was put is listed, digested and fetched as it was", async () => {
      const content = randomBytes(20 * MB);
      const body = await bodyOf(content);
      const key = freshKey();
      const sent: number[] = [];
      await place.target.put(key, body, never, (bytes) => sent.push(bytes));
      assert.equal(sent.at(-1), body.sizeBytes);
      assert.ok((await place.target.list(never)).some((o) => o.key === key && o.sizeBytes === body.sizeBytes));
      assert.deepEqual(await place.target.digest(key, never), { sizeBytes: body.sizeBytes, sha256: body.sha256 });
      const got = join(folder, "got");
      const received: number[] = [];
      await place.target.fetch(key, got, never, (bytes) => received.push(bytes));
      assert.ok((await readFile(got)).equals(content));
      assert.equal(received.at(-1), body.sizeBytes);
      assert.deepEqual(
        (await readdir(folder)).filter((name) => name.startsWith(".")),
        [],
      );
    });

    it("an empty object is kept like any other", async () => {
      const key = freshKey();
      await place.target.put(key, await bodyOf(""), never);
      assert.equal((await place.target.digest(key, never)).sizeBytes, 0);
      assert.ok(keysOf(await place.target.list(never)).includes(key));
    });

    it("putting the same bytes again succeeds", async () => {
      const key = freshKey();
      const body = await bodyOf("same");
      await place.target.put(key, body, never);
      await place.target.put(key, body, never);
      assert.equal((await place.target.digest(key, never)).sha256, body.sha256);
    });

    it("other bytes under a taken key are refused, of the same size and of another, and the first ones stay", async () => {
      const key = freshKey();
      const first = await bodyOf("first");
      await place.target.put(key, first, never);
      for (const other of ["other", "much longer"]) {
        const put = place.target.put(key, await bodyOf(other), never);
        await assert.rejects(put, /already holds other bytes under/);
      }
      assert.equal((await place.target.digest(key, never)).sha256, first.sha256);
    });

    it("what somebody else stores between the look and the transfer stays; only the same bytes are taken for ours", async () => {
      const key = freshKey();
      const rivals = await place.overtake(key, "the rival's", await bodyOf("ours"));
      await assert.rejects(place.target.put(key, rivals, never), /already holds other bytes under/);
      assert.equal((await place.target.digest(key, never)).sha256, (await bodyOf("the rival's")).sha256);
      const same = freshKey();
      await place.target.put(same, await place.overtake(same, "ours", await bodyOf("ours")), never);
      assert.equal((await place.target.digest(same, never)).sha256, (await bodyOf("ours")).sha256);
    });

    it("a missing key is not found, and a failed fetch leaves no file", async () => {
      const notFound = (error: unknown) => error instanceof LifeboatError && error.kind === "not-found";
      await assert.rejects(place.target.digest("nothing-here", never), notFound);
      await assert.rejects(place.target.fetch("nothing-here", join(folder, "nothing"), never), notFound);
      assert.ok(!(await readdir(folder)).some((name) => name.includes("nothing")));
    });

    it("fetch does not overwrite a file", async () => {
      const key = freshKey();
      await place.target.put(key, await bodyOf("stored"), never);
      const path = (await bodyOf("precious")).path;
      await assert.rejects(place.target.fetch(key, path, never), /exists already/);
      assert.equal(await readFile(path, "utf8"), "precious");
    });

    it("names that are not keys are refused before anything is done", async () => {
      const body = await bodyOf("x");
      for (const key of ["../x", "a/b", ".hidden", "-rf", "", "a b", "a\nb", "*", "x".repeat(256)]) {
        await assert.rejects(place.target.put(key, body, never), /cannot be the name of a stored object/, key);
        await assert.rejects(place.target.digest(key, never), /cannot be the name/, key);
        await assert.rejects(place.target.fetch(key, join(folder, "no"), never), /cannot be the name/, key);
        await assert.rejects(place.target.remove([key], never), /cannot be the name/, key);
      }
    });

    it("files of others are not listed and not touched", async () => {
      const fresh = await openPlace();
      await fresh.putForeign("a file of mine");
      await fresh.putForeign(".hidden");
      await fresh.target.put("key", await bodyOf("x"), never);
      assert.deepEqual(keysOf(await fresh.target.list(never)), ["key"]);
      await fresh.target.remove(["key"], never);
      await fresh.target.sweep(anyKey, never);
      assert.deepEqual([...(await fresh.everything())].sort(), [".hidden", "a file of mine"]);
    });

    it("sweep takes the partial files of the keys it is given, and leaves those of others and hidden files of strangers", async () => {
      const fresh = await openPlace();
      const strangers = [".download-of-somebody.partial", ".app.conf.swp"];
      const halves = [fresh.partialName("ours"), fresh.partialName("another-stack")];
      for (const name of [...strangers, ...halves]) await fresh.putForeign(name);
      await fresh.target.sweep((key) => key === "ours", never);
      assert.deepEqual([...(await fresh.everything())].sort(), [...strangers, halves[1]!].sort());
      await fresh.target.sweep(anyKey, never);
      assert.deepEqual([...(await fresh.everything())].sort(), strangers.toSorted());
    });

    it("small objects are read together, and missing ones left out", async () => {
      const keys = [freshKey(), freshKey(), freshKey()];
      for (const key of keys) await place.target.put(key, await bodyOf(`receipt ${key}`), never);
      const found = await place.target.readSmall([...keys, "nothing-here"], never);
      assert.deepEqual([...found.keys()].sort(), [...keys].sort());
      for (const key of keys) assert.equal(String(found.get(key)), `receipt ${key}`);
    });

    it("removed objects are gone, also when some were not there", async () => {
      const [gone, stays] = [freshKey(), freshKey()];
      for (const key of [gone, stays]) await place.target.put(key, await bodyOf(key), never);
      await place.target.remove([gone, "nothing-here"], never);
      const left = keysOf(await place.target.list(never));
      assert.ok(!left.includes(gone) && left.includes(stays));
    });

    it("nothing is listed while a put runs, nor after it was cancelled, and sweep leaves no trace of it", async () => {
      const fresh = await openPlace();
      await using body = fresh.endlessBody
        ? await fresh.endlessBody(await bodyOf(randomBytes(8 * MB)))
        : Object.assign(await bodyOf(randomBytes(8 * MB)), { [Symbol.asyncDispose]: async () => {} });
      const stop = new AbortController();
      const halfWay = Promise.withResolvers<void>();
      const put = fresh.slow.put("key", body, stop.signal, () => halfWay.resolve());
      await Promise.race([halfWay.promise, put]);
      assert.deepEqual(await fresh.target.list(never), []);
      stop.abort(new Error("the operator changed their mind"));
      await assert.rejects(put, /changed their mind/);
      assert.deepEqual(await fresh.target.list(never), []);
      await fresh.target.sweep(anyKey, never);
      assert.deepEqual(await fresh.everything(), []);
      // What was left of it is not in the way of the next attempt.
      const again = await bodyOf("again");
      await fresh.target.put("key", again, never);
      assert.equal((await fresh.target.digest("key", never)).sha256, again.sha256);
    });

    it("a put whose program is killed fails, lists nothing, and is not in the way of the next", async () => {
      const fresh = await openPlace();
      if (!fresh.killSender) return;
      const halfWay = Promise.withResolvers<void>();
      const put = fresh.slow.put("key", await bodyOf(randomBytes(8 * MB)), never, () => halfWay.resolve());
      await Promise.race([halfWay.promise, put]);
      await fresh.killSender();
      await assert.rejects(put, /cannot store 'key' on /);
      assert.deepEqual(await fresh.target.list(never), []);
      const again = await bodyOf("again");
      await fresh.target.put("key", again, never);
      assert.equal((await fresh.target.digest("key", never)).sha256, again.sha256);
    });

    it("a body that is not what was promised is refused, or found by its digest", async () => {
      const longer = { ...(await bodyOf("longer than promised")), sizeBytes: 6 };
      await assert.rejects(place.target.put(freshKey(), longer, never), /has 20 bytes instead of 6/);
      const key = freshKey();
      const changed = { ...(await bodyOf("changed")), sha256: createHash("sha256").update("sealed!").digest("hex") };
      await place.target.put(key, changed, never);
      assert.notEqual((await place.target.digest(key, never)).sha256, changed.sha256);
    });

    it("a body that is missing is an error that names it, and nothing is listed", async () => {
      const key = freshKey();
      const put = place.target.put(key, { ...(await bodyOf("x")), path: join(folder, "no-such-body") }, never);
      await assert.rejects(put, /no-such-body' does not exist/);
      assert.ok(!keysOf(await place.target.list(never)).includes(key));
    });

    it("an aborted signal ends every call with its reason", async () => {
      const gone = AbortSignal.abort(new Error("too late"));
      await assert.rejects(place.target.list(gone), /too late/);
      await assert.rejects(place.target.put(freshKey(), await bodyOf("x"), gone), /too late/);
      await assert.rejects(place.target.digest("key", gone), /too late/);
      await assert.rejects(place.target.remove(["key"], gone), /too late/);
      await assert.rejects(place.target.readSmall(["key"], gone), /too late/);
    });

    it("many objects are all listed, and removed in few calls", async () => {
      const fresh = await openPlace();
      const body = await bodyOf("x");
      const keys = Array.from({ length: fresh.many }, (_, index) => `object-${index}`);
      await storeMany(fresh, keys, body);
      assert.deepEqual(keysOf(await fresh.target.list(never)).sort(), keys.toSorted());
      await fresh.target.remove(keys, never);
      await fresh.target.sweep(anyKey, never);
      assert.deepEqual(await fresh.everything(), []);
    });
  });
}

/** Eight at a time, as a patient operator's years of backups would have come about one by one. */
async function storeMany(place: Place, keys: readonly string[], body: Body): Promise<void> {
  const left = [...keys];
  const work = async () => {
    for (let key = left.pop(); key !== undefined; key = left.pop()) await place.target.put(key, body, never);
  };
  await Promise.all(Array.from({ length: 8 }, work));
}
