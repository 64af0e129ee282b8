import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { hintOf, LifeboatError } from "../errors.ts";
import { withDeadline } from "../system/clock.ts";
import { fileNameOf, physicalFolder } from "./postgres/file-names.ts";
import { patiently } from "./postgres/patience.ts";
import { checkCopy } from "./postgres/physical/check.ts";
import { copyServer } from "./postgres/physical/copy.ts";
import { physicalFacts } from "./postgres/physical/facts.ts";
import { nameOfPhysical, type PhysicalFoundation } from "./postgres/physical/foundation.ts";
import { listCopy } from "./postgres/physical/members.ts";
import { writeReadmeOfIncrement } from "./postgres/physical/readme-of-increment.ts";
import { writeReadme } from "./postgres/physical/readme.ts";
import type { FoundPhysical } from "./postgres/physical/survey.ts";
import { restoreLinks } from "./postgres/physical/tablespaces.ts";
import type { PostgresOptions } from "./postgres/survey.ts";
import type { Snapshot, Source, Stage } from "./source.ts";

/**
 * A whole server, copied by pg_basebackup while others write: a data directory that can be started, with the log that
 * makes it consistent, checked by pg_verifybackup. `foldersAbove` are those that no other source has on its list.
 * With a foundation only what has changed since, if the server agrees: then there are `standsOn` in the facts, else
 * `wholeBecause`.
 */
export function physicalSource(
  found: FoundPhysical,
  {
    foldersAbove,
    foundation,
  }: { readonly foldersAbove: readonly string[]; readonly foundation?: PhysicalFoundation | undefined },
  { timeoutMs, clock }: PostgresOptions,
): Source {
  const { server, systemIdentifier, client } = found;
  const name = nameOfPhysical(server.name);
  return {
    kind: "postgres-physical",
    name,
    async snapshot(stage: Stage, signal: AbortSignal): Promise<Snapshot> {
      const startedMs = clock.elapsedMs();
      using deadline = withDeadline(timeoutMs, () => tooLate(server.name, timeoutMs), signal);
      const physical = join(stage.folder, "copy", physicalFolder(server.name));
      await mkdir(physical, { recursive: true, mode: 0o700 });
      const attempt = async () => {
        // A tablespace may have been made since the survey.
        const facts = await physicalFacts(server, deadline);
        const wanted = { tablespaces: facts.tablespaces, since: foundation?.manifestPath };
        return { facts, ...(await copyServer(server, physical, wanted, deadline)) };
      };
      try {
        const { facts, flaws, refusal } = await patiently(attempt, timeoutMs, clock, deadline);
        const checked = await checkCopy(join(physical, "data"), { facts, client }, deadline);
        const { manifest, checkedBy, walCheckedBy } = checked;
        await restoreLinks(physical, facts.tablespaces);
        const standsOn = refusal === undefined ? foundation?.standsOn : undefined;
        if (standsOn) await writeReadmeOfIncrement(physical, server.name, facts, standsOn);
        else await writeReadme(physical, server.name, facts, manifest.walRanges);
        const { list, files, copyBytes } = await listCopy(stage, server.name, foldersAbove, deadline);
        const { version, versionNumber, inRecovery, dataChecksums, tablespaces } = facts;
        const outcome = flaws.length > 0 ? "flawed" : "good";
        return {
          members: [list],
          ...(standsOn
            ? {}
            : { keepsake: { name: fileNameOf(server.name), path: join(physical, "data", "backup_manifest") } }),
          finding: {
            ...{ kind: "postgres-physical", name, outcome, flaws },
            facts: {
              ...(standsOn ? { standsOn } : {}),
              ...(refusal === undefined ? {} : { wholeBecause: refusal }),
              ...{ version, versionNumber, inRecovery, systemIdentifier, dataChecksums, tablespaces },
              ...{ walRanges: manifest.walRanges, manifestSha256: manifest.sha256 },
              ...{ copiedBy: `pg_basebackup ${client.version}`, checkedBy, walCheckedBy },
              ...{ files, copyBytes, tookMs: Math.round(clock.elapsedMs() - startedMs) },
            },
          },
        };
      } catch (cause) {
        deadline.throwIfAborted();
        const hint = hintOf(cause);
        throw new LifeboatError("failed", `no base backup of '${server.name}' could be taken`, {
          ...(hint ? { hint } : {}),
          cause,
        });
      }
    },
  };
}

function tooLate(name: string, timeoutMs: number): LifeboatError {
  return new LifeboatError(
    "failed",
    `the base backup of '${name}' could not be taken and checked within ${timeoutMs / 1000} s`,
    { hint: "Raise BACKUP_POSTGRES_TIMEOUT." },
  );
}
