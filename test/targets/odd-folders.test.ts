import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { open, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "../servers/programs.ts";
import { bodyIn } from "./bodies.ts";
import { testFolder } from "./tools.ts";

const root = testFolder();
const script = fileURLToPath(new URL("put-once.ts", import.meta.url));

/** Puts "ours" into a folder whose system calls fail as told; gives what went wrong, and the folder. */
async function putWhere(failing: string, path?: string, folder = mkdtempSync(join(root, "odd-"))) {
  const copy = (await bodyIn(root, "ours")).path;
  const calls = failing.split(":")[0];
  const trace = ["-f", "-qq", "-o", "/dev/null", "-e", `trace=${calls}`, "-e", `inject=${failing}`];
  const said = await run("strace", [...trace, process.execPath, script, folder, path ?? copy, copy], {
    env: { UV_THREADPOOL_SIZE: "1" }, // strace counts the calls of each thread for itself.
  });
  return { said, folder };
}

const LINKS = "link,linkat";

describe("a local folder of a file system that cannot do all", () => {
  it("gets a rename where it refuses links, with whatever error", async () => {
    const errors = ["EPERM", "EACCES", "EIO", "EXDEV", "EINVAL", "EOPNOTSUPP", "ENOSYS"];
    const outcomes = await Promise.all(errors.map((error) => putWhere(`${LINKS}:error=${error}`)));
    for (const { said, folder } of outcomes) {
      assert.equal(said, "");
      assert.deepEqual(await readdir(folder), ["key"]);
      assert.equal(await readFile(join(folder, "key"), "utf8"), "ours");
    }
  });

  it("keeps what somebody else stored meanwhile, also where it refuses links", async () => {
    const folder = mkdtempSync(join(root, "odd-"));
    const path = join(root, "late");
    await run("mkfifo", [path]);
    // Opening waits for the reader, which comes after the look.
    const overtaking = open(path, "w").then(async (pipe) => {
      await writeFile(join(folder, "key"), "the rival's");
      await pipe.writeFile("ours");
      await pipe.close();
    });
    const { said } = await putWhere(`${LINKS}:error=EACCES`, path, folder);
    await overtaking;
    assert.match(said, /already holds other bytes under 'key'/);
    assert.deepEqual(await readdir(folder), ["key"]);
    assert.equal(await readFile(join(folder, "key"), "utf8"), "the rival's");
  });

  it("names what refuses the rename, if that is refused too", async () => {
    const { said, folder } = await putWhere(`${LINKS},rename,renameat,renameat2:error=EACCES`);
    assert.match(said, /no permission in '/);
    assert.deepEqual(await readdir(folder), []);
  });

  it("is believed where it syncs no folders, but not where it syncs no files", async () => {
    // The first is the file's own, the second its folder's, the third that of the file once more.
    const [folderRefused, folderFails, diskFails, fileFails] = await Promise.all(
      ["EINVAL:when=2", "EIO:when=2", "EIO:when=2+", "EIO:when=1"].map((how) => putWhere(`fsync:error=${how}`)),
    );
    assert.equal(folderRefused!.said, "");
    assert.equal(folderFails!.said, "");
    assert.match(diskFails!.said, /input\/output error in/);
    assert.match(fileFails!.said, /input\/output error in/);
  });
});
