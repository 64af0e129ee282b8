#!/bin/sh
# kills.sh - npm run kills [-- SEED]: SIGKILL at random moments, 60 times of a backup and its children, 25 times of the
# sidecar's container, 20 times of a restore in place. Each failure names its seed, which makes the moments come again.
. "$(dirname "$0")/common.sh"

exec 9>"$cache/running"
if command -v flock >/dev/null; then flock -n 9 || die "'npm test' or another command that uses the engine is under way in this checkout"; fi

trap 'sh "$ground/release.sh"' EXIT
sh "$ground/prepare.sh" modules tools engine images image
. "$cache/environment"
cd "$root"
[ $# = 0 ] || export TEST_SEED="$1"
LIFEBOAT_KILLS=many node --test --test-concurrency=1 "$root/test/kills/*.test.ts" 9>&-
