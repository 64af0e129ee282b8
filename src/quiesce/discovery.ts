import { isOneOff, projectOf, type Container } from "./container.ts";
import type { Engine } from "./engine.ts";
import { hasLifeboatLabels } from "./labels.ts";
import { findOwnContainer, type Whereabouts } from "./own-container.ts";

/** The containers of the engine, and which of them are ours to look at. */
export interface Survey {
  /** All there are: one that nobody labelled may live in the network of one that is stopped. */
  readonly all: readonly Container[];
  /** Those whose labels count, this program's own container left out. */
  readonly scope: readonly Container[];
  /** Containers of `compose run` in the same projects: nobody gave them the labels that they have from their service. */
  readonly oneOffs: readonly Container[];
  readonly own: Container | undefined;
  readonly warnings: readonly string[];
}

/** `project`: "own-project", "all", or a compose project's name. */
export async function surveyContainers(
  engine: Engine,
  project: string,
  here: Whereabouts,
  signal: AbortSignal,
): Promise<Survey> {
  const own = await findOwnContainer(engine, here, signal);
  const all = await lookAtAll(engine, signal);
  const others = all.filter((one) => one.id !== own?.id);
  const { scope: inScope, warnings } = scopeOf(project, others, own);
  const oneOffs = inScope.filter(({ labels }) => isOneOff(labels));
  const scope = inScope.filter(({ labels }) => !isOneOff(labels));
  return { all, scope, oneOffs, own, warnings: [...warnings, ...ownLabels(own)] };
}

function scopeOf(
  project: string,
  others: readonly Container[],
  own: Container | undefined,
): { scope: readonly Container[]; warnings: readonly string[] } {
  if (project === "all") return { scope: others, warnings: [] };
  if (project !== "own-project") {
    const scope = others.filter((one) => projectOf(one) === project);
    return { scope, warnings: scope.length ? [] : [`there is no container of the compose project '${project}'`] };
  }
  const ownProject = own && projectOf(own);
  if (ownProject !== undefined) return { scope: others.filter((one) => projectOf(one) === ownProject), warnings: [] };
  const labelled = others.filter((one) => hasLifeboatLabels(one.labels)).map((one) => one.name);
  if (labelled.length === 0) return { scope: [], warnings: [] };
  const where = own
    ? `its container '${own.name}' is not part of a compose project`
    : "it runs in no container of this engine";
  return {
    scope: [],
    warnings: [
      `labels of ${labelled.map((name) => `'${name}'`).join(", ")} are not looked at: lifeboat cannot tell which compose ` +
        `project is its own, because ${where}; name one in BACKUP_DOCKER_PROJECT, or say all or none there`,
    ],
  };
}

function ownLabels(own: Container | undefined): readonly string[] {
  if (!own || !hasLifeboatLabels(own.labels)) return [];
  return [`lifeboat.* labels on lifeboat's own container '${own.name}' have no effect: it never holds itself`];
}

/** Enough at once to be quick, few enough not to crowd the engine of a large host. */
const LOOKS_AT_ONCE = 16;

async function lookAtAll(engine: Engine, signal: AbortSignal): Promise<readonly Container[]> {
  const ids = [...(await engine.listIds([], signal))];
  const found: Container[] = [];
  while (ids.length > 0) {
    const looks = ids.splice(0, LOOKS_AT_ONCE).map((id) => engine.look(id, signal));
    for (const one of await Promise.all(looks)) if (one) found.push(one);
  }
  return found;
}
