#!/bin/sh
# bench.sh - npm run bench [-- in-place] [SIZE_MIB]: how fast and how large, beside the programs people would use
# instead; with "in-place", how long a container is down while its data is restored.
. "$(dirname "$0")/common.sh"
. "$ground/packages.sh"
sh "$ground/prepare.sh" modules
install_missing "$ARCHIVE_TOOLS gpg:gnupg gzip:gzip restic:restic borg:borgbackup"
if [ "${1:-}" = in-place ]; then
  shift
  trap 'sh "$ground/release.sh"' EXIT
  sh "$ground/prepare.sh" tools engine images
  . "$cache/environment"
  node "$root/test/bench/in-place.ts" "$@"
  exit
fi
exec node "$root/test/bench/bench.ts" "$@"
