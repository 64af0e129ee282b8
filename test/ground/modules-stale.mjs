// modules-stale.mjs CHECKOUT - prints why node_modules is not what package-lock.json says; nothing when it is.
// Runs on the machine's own Node, before any other is there.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const checkout = process.argv[2];
console.log(reasonToInstall() ?? "");

function reasonToInstall() {
  const installedFile = join(checkout, "node_modules/.package-lock.json");
  if (!existsSync(installedFile)) return "there are none";
  const wanted = packagesOf(join(checkout, "package-lock.json"));
  const installed = packagesOf(installedFile);
  for (const [path, { version, optional }] of wanted) {
    const found = installed.get(path);
    if (!found && optional) continue;
    if (found?.version !== version) return `${path} is ${found?.version ?? "missing"}, not ${version}`;
  }
  for (const path of installed.keys()) if (!wanted.has(path)) return `${path} is not wanted`;
  return existsSync(join(checkout, "node_modules/node/bin/node")) ? undefined : "Node is missing";
}

/** Path to entry, without the checkout itself. */
function packagesOf(lockFile) {
  const { packages } = JSON.parse(readFileSync(lockFile, "utf8"));
  return new Map(Object.entries(packages).filter(([path]) => path !== ""));
}
