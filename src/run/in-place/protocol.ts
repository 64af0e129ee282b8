import { z } from "zod";
import { exitCodes, hintOf, LifeboatError, describeError, type FailureKind } from "../../errors.ts";
import { jobSchema, placeSwapSchema } from "./job.ts";

/** What a helper is asked, one JSON object a line. Each is answered before the next is sent. */
export const requestSchema = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("open"), job: jobSchema }),
  /** The tar stream comes over a connection of its own. */
  z.strictObject({ do: z.literal("stage"), place: z.number(), sqliteTimeoutMs: z.number().positive() }),
  z.strictObject({ do: z.literal("plan") }),
  z.strictObject({ do: z.literal("put-beside"), place: z.number(), from: z.string(), to: z.string() }),
  z.strictObject({ do: z.literal("swap"), swaps: z.array(placeSwapSchema) }),
  z.strictObject({ do: z.literal("undo"), swaps: z.array(placeSwapSchema) }),
  z.strictObject({ do: z.literal("finish"), kept: z.enum(["old", "failed"]).nullable() }),
]);
export type Request = z.infer<typeof requestSchema>;

const kinds = Object.keys(exitCodes) as [FailureKind, ...FailureKind[]];
export const answerSchema = z.strictObject({
  result: z.unknown().optional(),
  error: z.strictObject({ kind: z.enum(kinds), message: z.string(), hint: z.string().optional() }).optional(),
});
export type Answer = z.infer<typeof answerSchema>;

export const stagedSchema = z.strictObject({
  warnings: z.array(z.string()),
  flaws: z.array(z.strictObject({ database: z.string(), problem: z.string(), kind: z.enum(["damage", "unknown"]) })),
});

/** The first line of each connection. */
export const greetingSchema = z.enum(["control", "data"]);
export type Greeting = z.infer<typeof greetingSchema>;

export function answerOf(error: unknown): Answer {
  const hint = hintOf(error);
  const kind = error instanceof LifeboatError ? error.kind : "failed";
  return { error: { kind, message: describeError(error), ...(hint === undefined ? {} : { hint }) } };
}
