import { writeFileSync } from "node:fs";

writeFileSync("/dev/full", "there is no room for this");
