# Programs and libraries from Debian packages. A list holds WHAT:PACKAGE; when WHAT is there, PACKAGE is not needed.

# Node from 25 on is linked against it, and a small Debian does not have it.
NODE_NEEDS="libatomic.so.1:libatomic1"
ARCHIVE_TOOLS="tar:tar zstd:zstd"
TEST_TOOLS="$ARCHIVE_TOOLS gzip:gzip gpg:gnupg rsync:rsync rrsync:rsync python3:python3 ssh:openssh-client
  sshd:openssh-server sqlite3:sqlite3 setfattr:attr setfacl:acl rclone:rclone
  strace:strace"

prepare_archive_tools() { install_missing "$ARCHIVE_TOOLS"; }

prepare_tools() {
  install_missing "$TEST_TOOLS"
  say "programs: all there"
}

there() { case $1 in lib*.so.*) ldconfig -p | grep -qF "$1" ;; *) have "$1" ;; esac; }

# install_missing "WHAT:PACKAGE ..." - afterwards all of it is there, or the run has ended.
install_missing() {
  local entry missing
  missing=
  for entry in $1; do there "${entry%:*}" || missing="$missing $(package_of "${entry#*:}")"; done
  tar --version 2>/dev/null | grep -q 'GNU tar' || missing="$missing tar"
  [ -n "$missing" ] || return 0
  missing=$(printf '%s\n' $missing | sort -u | paste -sd' ')
  say "programs: installing the Debian packages $missing"
  have apt-get && [ "$(id -u)" = 0 ] || die "this needs root and apt. Install them by hand: apt-get install $missing"
  refresh_package_lists
  no_services_meanwhile install_packages $missing
  missing=
  for entry in $1; do
    there "${entry%:*}" || {
      say "programs: '${entry%:*}' is missing, and the Debian package '$(package_of "${entry#*:}")' could not be installed"
      missing=1
    }
  done
  [ -z "$missing" ] || die "what is missing above is needed (see $cache/apt-install.log)"
}

# The docker program moved out of docker.io into a package of its own after bookworm.
package_of() {
  if [ "$1" = docker.io ] && apt-cache show docker-cli >/dev/null 2>&1; then echo "docker.io docker-cli"; else echo "$1"; fi
}

# An unrelated source that is broken must not stop us; whether a package can be had shows when it is installed.
refresh_package_lists() {
  [ -z "${lists_refreshed:-}" ] || return 0
  apt-get update >"$cache/apt-update.log" 2>&1 || say "programs: apt-get update complained, going on (see $cache/apt-update.log)"
  lists_refreshed=1
}

install_packages() {
  : >"$cache/apt-install.log"
  apt_install "$@" && return 0
  # One that cannot be had must not hide the others: one at a time, and the caller looks what is missing then.
  local package
  for package; do apt_install "$package" || true; done
}
apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >>"$cache/apt-install.log" 2>&1; }

# sshd and dockerd are wanted as programs; a machine under test shall not get a public ssh server out of it.
no_services_meanwhile() {
  local policy=/usr/sbin/policy-rc.d
  [ ! -e $policy ] || {
    "$@"
    return
  }
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
  "$@" || true
  rm -f $policy
}
