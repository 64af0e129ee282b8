import { mkdirSync, writeFileSync } from "node:fs";
import { exitCodesPage, settingsPage } from "./reference.ts";

const folder = new URL("../../docs/reference/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL("settings.md", folder), settingsPage());
writeFileSync(new URL("exit-codes.md", folder), exitCodesPage());
