import { createHash } from "node:crypto";
import { resolve } from "node:path";

const checkout = resolve(import.meta.dirname, "../..");

/** Eight digits that tell this checkout from others on the same machine. */
export const checkoutId = createHash("sha256").update(checkout).digest("hex").slice(0, 8);

/** `docker run --label` for a container that `npm test` shall remove at its end, should its own test not have. */
export const removalLabel = `lifeboat-test=${checkoutId}`;
