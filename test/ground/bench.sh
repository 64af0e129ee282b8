#!/bin/sh
# bench.sh - npm run bench [-- in-place|postgres] [SIZE_MIB]: how fast and how large, beside the programs people would use
# instead; with "in-place", how long a container is down while its data is restored; with "postgres", the dump alone.
. "$(dirname "$0")/common.sh"
. "$ground/packages.sh"

# Both take away what they leave in the engine.
exec 9>"$cache/running"
if command -v flock >/dev/null; then flock -n 9 || die "'npm test' or 'npm run bench' is under way in this checkout"; fi

sh "$ground/prepare.sh" modules
install_missing "$ARCHIVE_TOOLS gpg:gnupg gzip:gzip restic:restic borg:borgbackup"
trap 'sh "$ground/release.sh"' EXIT
if [ "${1:-}" = in-place ]; then
  shift
  sh "$ground/prepare.sh" tools engine images
  . "$cache/environment"
  node "$root/test/bench/in-place.ts" "$@"
  exit
fi
sh "$ground/prepare.sh" engine image
. "$cache/environment"
node "$root/test/bench/bench.ts" "$@"
