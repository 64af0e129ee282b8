import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { directWork, type FileWork } from "./file-work.ts";
import { answerOf, requestSchema, type Answer, type Greeting, type Request } from "./protocol.ts";

/**
 * What runs in a helper container: does the file work that the process at the other end of `socket` asks for.
 * Resolves when that hangs up; what is under way then is cut off, as the journal over there allows.
 */
export async function runHelper(socket: string, signal: AbortSignal): Promise<void> {
  const control = await dial(socket, "control");
  let work: FileWork | undefined;
  const perform = async (request: Request): Promise<unknown> => {
    if (request.do === "open") {
      work = directWork(request.job);
      return null;
    }
    if (!work) throw new Error("no job was given");
    switch (request.do) {
      case "stage":
        return await work.stage(
          request.place,
          withPromptEnd(await dial(socket, "data")),
          request.sqliteTimeoutMs,
          signal,
        );
      case "plan":
        return await work.plan(signal);
      case "put-beside":
        return await work.putBeside(request.place, request.from, request.to);
      case "swap":
        return await work.swap(request.swaps);
      case "undo":
        return await work.undo(request.swaps);
      case "finish":
        return await work.finish(request.kept);
    }
  };
  const answering = async () => {
    for await (const line of createInterface(control)) {
      let answer: Answer;
      try {
        answer = { result: (await perform(requestSchema.parse(JSON.parse(line)))) ?? null };
      } catch (error) {
        answer = answerOf(error);
      }
      control.write(`${JSON.stringify(answer)}\n`);
    }
  };
  await Promise.race([answering(), once(control, "close")]);
}

/**
 * The same bytes, the last of them only when it is known that no more come: tar leaves once it has read the end marks
 * of an archive, and what is still to be written to it then would look like a failure.
 */
async function* withPromptEnd(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    held = Buffer.concat([held, chunk]);
    if (held.length <= END_BYTES) continue;
    yield held.subarray(0, held.length - END_BYTES);
    held = Buffer.from(held.subarray(held.length - END_BYTES));
  }
  yield held;
}

/** More than the end marks and the padding to a whole record of tar. */
const END_BYTES = 32 * 1024;

async function dial(path: string, greeting: Greeting): Promise<Socket> {
  const socket = connect(path);
  await once(socket, "connect");
  socket.write(`${JSON.stringify(greeting)}\n`);
  return socket;
}
