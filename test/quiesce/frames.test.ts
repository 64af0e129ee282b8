import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { test } from "node:test";
import { standardOutput } from "../../src/quiesce/frames.ts";

function frame(kind: 1 | 2, body: Buffer): Buffer {
  const header = Buffer.from([kind, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

async function read(
  bytes: Buffer,
  chunkBytes: number,
): Promise<{ output: Buffer; errors: Buffer; pieces: readonly Buffer[] }> {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(Buffer.from(bytes.subarray(at, at + chunkBytes)));
  const errors: Buffer[] = [];
  const output: Buffer[] = [];
  for await (const part of standardOutput(Readable.from(chunks), (said) => errors.push(said))) output.push(part);
  return { output: Buffer.concat(output), errors: Buffer.concat(errors), pieces: output };
}

test("standard output and standard error are told apart, however the stream is cut into chunks", async () => {
  const [one, two] = [randomBytes(1000), randomBytes(70)];
  const said = Buffer.from("pg_dump: warning");
  const stream = Buffer.concat([frame(1, one), frame(2, said), frame(1, Buffer.alloc(0)), frame(1, two)]);
  for (const chunkBytes of [1, 3, 7, 8, 9, 64, 5000]) {
    const { output, errors } = await read(stream, chunkBytes);
    assert.deepEqual(output, Buffer.concat([one, two]), `in chunks of ${chunkBytes}`);
    assert.deepEqual(errors, said);
  }
});

test("frames that come together are given as one piece", async () => {
  const bodies = Array.from({ length: 16 }, () => randomBytes(4096));
  const said = frame(2, Buffer.from("pg_dump: warning"));
  const stream = Buffer.concat(bodies.flatMap((body) => [frame(1, body), said]));
  const { pieces, errors } = await read(stream, stream.length);
  assert.deepEqual(pieces, [Buffer.concat(bodies)]);
  assert.equal(errors.toString(), "pg_dump: warning".repeat(16));
});

test("a stream that ends within a frame is an error, wherever it ends", async () => {
  const stream = frame(1, Buffer.from("some output"));
  for (let length = 1; length < stream.length; length++) {
    await assert.rejects(read(stream.subarray(0, length), 4), /the connection to the Docker engine broke/);
  }
  assert.equal((await read(Buffer.alloc(0), 4)).output.length, 0);
});
