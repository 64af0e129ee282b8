import { LifeboatError } from "../errors.ts";

/**
 * Places where tests let the program die, fail or hang, to prove that it recovers:
 * LIFEBOAT_FAILPOINT=<name>:kill|throw|enospc|hang (documented in docs/design/testing.md, off in normal use).
 * `kill` is SIGKILL to ourselves: nothing runs after it, as in a power cut.
 */
export async function failpoint(name: string, signal?: AbortSignal): Promise<void> {
  const [wanted, action] = (process.env["LIFEBOAT_FAILPOINT"] ?? "").split(/:(?=[a-z]+$)/);
  if (wanted !== name) return;
  switch (action) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return await new Promise(() => {});
    case "enospc":
      throw Object.assign(new Error("ENOSPC: no space left on device (failpoint)"), { code: "ENOSPC" });
    case "hang":
      return await new Promise((_, reject) => {
        const keepAlive = setInterval(() => {}, 1000);
        signal?.addEventListener("abort", () => {
          clearInterval(keepAlive);
          reject(signal.reason);
        });
      });
    default:
      throw new LifeboatError("failed", `failpoint '${name}' was asked to throw`);
  }
}

/** For a helper container: a test may want it to die rather than us. */
export function failpointEnvironment(): readonly string[] {
  const wanted = process.env["LIFEBOAT_FAILPOINT"];
  return wanted ? [`LIFEBOAT_FAILPOINT=${wanted}`] : [];
}
