import { chmod, chown, cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Stack } from "../stack.ts";

/** The folders of an IRC.atl.chat checkout as they are after `make up`, with made-up contents. */
export async function putIrcFiles({ folder }: Stack): Promise<void> {
  const at = (...parts: string[]) => join(folder, ...parts);
  const put = async (path: string, text: string) => {
    await mkdir(at(path, ".."), { recursive: true });
    await writeFile(at(path), text);
  };
  await put(".env", "PUID=1000\nPGID=1000\nIRC_OPER_PASSWORD='$argon2id$v=19$made$up'\n");
  await put("src/backend/unrealircd/conf/unrealircd.conf.template", "me { name ${IRC_DOMAIN}; }\n");
  await put("src/backend/unrealircd/conf/tls/server.key.pem", "made up\n");
  await put("src/backend/atheme/conf/atheme.conf.template", "serverinfo { name = ${ATHEME_SERVER_NAME}; };\n");
  await put("data/letsencrypt/archive/example.test/privkey1.pem", "made up\n");
  await mkdir(at("data/letsencrypt/live/example.test"), { recursive: true });
  await symlink("../../archive/example.test/privkey1.pem", at("data/letsencrypt/live/example.test/privkey.pem"));
  const unrealircd = at("data/unrealircd");
  await cp(join(import.meta.dirname, "unrealircd-data"), unrealircd, { recursive: true });
  for (const name of ["channel.db", "reputation.db", "tkl.db"]) {
    await chmod(join(unrealircd, name), 0o600);
    await chown(join(unrealircd, name), 1000, 1000);
  }
  await writeFile(join(unrealircd, "unrealircd.pid"), "7\n");
  await mkdir(at("data/atheme"), { mode: 0o750 });
  await chown(at("data/atheme"), 1000, 1000);
}
