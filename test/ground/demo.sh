#!/bin/sh
# demo.sh - npm run demo: a backup and its way back, without Docker.
. "$(dirname "$0")/common.sh"
sh "$ground/prepare.sh" modules archive-tools
exec node "$root/test/demo/demo.ts" "$@"
