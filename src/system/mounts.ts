import { readFile } from "node:fs/promises";

export interface Mount {
  /** Where it is mounted. */
  readonly point: string;
  /** Of its file system: "ext4", "overlay". */
  readonly type: string;
  /** The name of the Docker volume that it is, if that can be told. */
  readonly volume?: string;
}

/** The mount that an absolute real path lies on; undefined where the system does not tell. */
export async function mountOf(path: string): Promise<Mount | undefined> {
  const text = await readFile("/proc/self/mountinfo", "utf8").catch(() => ""); // Only a message gets shorter.
  // "36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 - ext4 …": the fourth is the folder of the file system, the fifth where
  // it appears, and its type follows the dash.
  const mounts = text.split("\n").flatMap((line) => {
    const [, , , root, point] = line.split(" ").map(unescaped);
    const type = / - (\S+)/.exec(line)?.[1] ?? "";
    return root === undefined || point === undefined ? [] : [{ root, point, type }];
  });
  const holds = (point: string) => point === "/" || path === point || path.startsWith(`${point}/`);
  const found = mounts
    .filter(({ point }) => holds(point))
    .sort((a, b) => a.point.length - b.point.length)
    .at(-1);
  if (!found) return undefined;
  const [, volume] = /\/volumes\/([^/]+)\/_data(?:\/|$)/.exec(found.root) ?? [];
  return { point: found.point, type: found.type, ...(volume === undefined ? {} : { volume }) };
}

function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
