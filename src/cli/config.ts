import { showSettings, showSettingsJson } from "../config/show.ts";
import type { CommandLine, Options } from "./command.ts";

export function addConfig({ command, assembled, print }: CommandLine): void {
  command("config", "show the settings in force, secrets masked").action(async ({ json }: Options) => {
    const { settings } = await assembled("backup");
    print(json ? JSON.stringify(showSettingsJson(settings)) : showSettings(settings));
  });
}
