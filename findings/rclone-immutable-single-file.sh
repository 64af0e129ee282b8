#!/usr/bin/env bash
# rclone 1.75.2: --immutable protects nothing where a single FILE is copied or moved; it is silently without effect.
#
# Seen in November 2026 with Debian's rclone 1.75.2-2, between local folders; the same onto an S3 bucket of a Ceph gateway.
# (Upstream's change of September 2026 that mends it is not in that version.)
#
#   copyto --immutable file existing        exit 0, existing is REPLACED, nothing said (with -v: "Copied (replaced existing)")
#   copy   --immutable file folder          the same: what counts is that the source is a file
#   moveto --immutable file existing        the same, and the source is gone
#   rcat   --immutable existing             the same
#   copy   --immutable folder folder        exit 6, untouched, "immutable file modified", not retried
#   copy   --immutable --files-from one     exit 6, untouched: a list of one name goes the guarded way
#   copyto --ignore-existing --error-on-no-transfer file existing    exit 9, untouched: this works for single files too
#
# Needs apt. Exit 0: as described. 1: it behaves otherwise now. 2: could not be tried.
set -u
want=1.75.2-2
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
# A private apt that also knows Debian's sid, from the mirror this machine uses; nothing of the machine changes.
mkdir -p debs root src dst apt/lists/partial apt/cache/archives/partial
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 '/debian/\?$')
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-no-mirror:} sid main" >apt/sources.list
apt() { apt-get -qq -o Dir::Etc::sourcelist="$dir/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$dir/apt/lists" \
  -o Dir::Cache="$dir/apt/cache" -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"; }
apt update >/dev/null 2>&1
(cd debs && { apt download "rclone=$want" || apt download rclone || apt-get -qq download rclone; }) >/dev/null 2>&1
for deb in debs/*.deb; do [ -e "$deb" ] || { echo "no package could be had"; exit 2; }; dpkg -x "$deb" root; done
version=$(dpkg-deb -f debs/*.deb Version)
echo "rclone package: $version, $(RCLONE_CONFIG=/dev/null root/usr/bin/rclone version | head -n 1)"
[ "$version" = "$want" ] || echo "(not the version this was first seen with, $want)"

bad=0
echo f >names
try() { # WHAT, expected exit code, expected content of dst/f, arguments of rclone
  local what=$1 code=$2 content=$3 said got; shift 3
  echo new >src/f; echo existing >dst/f
  said=$(RCLONE_CONFIG=/dev/null root/usr/bin/rclone "$@" 2>&1 <src/f); got=$?
  printf '%-48s exit %s  dst/f: %-9s src/f: %-5s %s\n' "$what" "$got" "$(cat dst/f)" "$([ -e src/f ] && echo there || echo gone)" \
    "$(printf '%s\n' "$said" | grep -o -m 1 'immutable file modified')"
  [ "$got $(cat dst/f)" = "$code $content" ] || { echo "  expected: exit $code, $content"; bad=1; }
}
try "copyto --immutable FILE FILE" 0 new copyto --immutable src/f dst/f
try "copy --immutable FILE FOLDER" 0 new copy --immutable src/f dst
try "moveto --immutable FILE FILE" 0 new moveto --immutable src/f dst/f
try "rcat --immutable FILE" 0 new rcat --immutable dst/f
try "copy --immutable FOLDER FOLDER" 6 existing copy --immutable src dst
try "move --immutable FOLDER FOLDER" 6 existing move --immutable src dst
try "copy --immutable --files-from ONE" 6 existing copy --immutable --files-from names src dst
try "copyto --ignore-existing --error-on-no-transfer" 9 existing copyto --ignore-existing --error-on-no-transfer src/f dst/f
try "moveto --ignore-existing --error-on-no-transfer" 9 existing moveto --ignore-existing --error-on-no-transfer src/f dst/f
[ $bad = 0 ] && echo "as described" || echo "NOT as described any more"
exit $bad
