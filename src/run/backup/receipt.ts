import { FORMAT_VERSION } from "../../archive/format.ts";
import { inspectSealingKey } from "../../archive/keys.ts";
import { openAuthenticator, sealReceipt, type ReceiptFields } from "../../archive/receipt.ts";
import { archiveKey, indexKey } from "../../plan/names.ts";
import type { Made } from "./at-rest.ts";
import type { Predecessor } from "../catalogue/predecessor.ts";
import type { Tools } from "../conduct/tools.ts";

export interface ComposedReceipt {
  readonly fields: ReceiptFields;
  /** As they are stored on every target. */
  readonly bytes: Buffer;
}

/** The receipt of a sealed backup, authenticated, following on its predecessor. */
export async function composeReceipt(
  made: Made,
  predecessor: Predecessor,
  warnings: readonly string[],
  { config, clock, version }: Tools,
): Promise<ComposedReceipt> {
  const { sealed, stem, kind, parent } = made;
  const { recipients } = await inspectSealingKey(config.encryption);
  const encrypted = config.encryption.kind !== "none";
  const { counts, contentBytes, tarBytes } = sealed;
  const fields: ReceiptFields = {
    format: FORMAT_VERSION,
    id: made.id,
    sequence: predecessor.sequence + 1,
    name: config.name,
    kind,
    parent,
    takenAt: made.takenAt.toISOString(),
    finishedAt: clock.now().toISOString(),
    tool: { name: "lifeboat", version },
    compression: config.compression.kind,
    encryption: { kind: config.encryption.kind, recipients: recipients.map(({ fingerprint }) => fingerprint) },
    archive: {
      key: archiveKey(stem, config.compression.kind, encrypted),
      sizeBytes: sealed.archive.sizeBytes,
      sha256: sealed.archive.sha256,
      tarBytes,
      contentBytes,
      counts,
    },
    index: {
      key: indexKey(stem, config.compression.kind, encrypted),
      sizeBytes: sealed.index.sizeBytes,
      sha256: sealed.index.sha256,
      entries: counts.files + counts.folders + counts.symlinks + counts.hardlinks,
    },
    sources: made.findings.map((finding) => ({ ...finding, flaws: [...finding.flaws], facts: asJson(finding.facts) })),
    outcome: made.findings.every(({ outcome }) => outcome === "good") ? "good" : "flawed",
    warnings: [...warnings],
    previous: predecessor.sha256,
  };
  const authenticator = await openAuthenticator(config.encryption, config.state, predecessor.receipt);
  return { fields, bytes: sealReceipt(fields, authenticator) };
}

type JsonFacts = ReceiptFields["sources"][number]["facts"];

/** Facts are plain values by contract; what JSON cannot hold is left out of the receipt. */
function asJson(facts: Readonly<Record<string, unknown>>): JsonFacts {
  return JSON.parse(JSON.stringify(facts)) as JsonFacts;
}
