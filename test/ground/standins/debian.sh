# debian:<suite>-slim from packages: minbase and ca-certificates, like the public image without docs, manual pages and
# translations, sources in deb822 form, and without apt's caches (two 45 MB *.bin files in each layer otherwise).
# Check-Valid-Until is off because the Release files of a frozen mirror have expired.

# build_debian SUITE IMAGE KEY
build_debian() {
  local work
  have mmdebstrap || install_missing mmdebstrap:mmdebstrap
  work=$(mktemp -d)
  write_sources "$1" >"$work/debian.sources"
  mmdebstrap --quiet --variant=minbase --include=ca-certificates \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/lintian/*' \
    --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Check-Valid-Until "false"' \
    --aptopt='Dir::Cache::pkgcache ""' --aptopt='Dir::Cache::srcpkgcache ""' \
    --customize-hook='printf "DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true\"; };\n" >"$1"/etc/apt/apt.conf.d/docker-clean' \
    --customize-hook='rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*' \
    --customize-hook="upload $work/debian.sources /etc/apt/sources.list.d/debian.sources" \
    --customize-hook='chmod 644 "$1"/etc/apt/sources.list.d/debian.sources' \
    --customize-hook='rm -f "$1"/etc/hostname "$1"/etc/resolv.conf' \
    "$1" "$work/root.tar" "$work/debian.sources"
  docker import -c 'CMD ["bash"]' -c "LABEL lifeboat-standin=$3" - "$2" <"$work/root.tar"
  rm -rf "$work"
}

# write_sources SUITE - apt sources for that suite, from wherever this machine has its packages.
write_sources() {
  local more security
  case $1 in sid | forky) more='' security='' ;; *) more=" $1-updates" security="$1-security" ;; esac
  deb822 "$(apt_uri main)" "$1$more"
  [ -z "$security" ] || deb822 "$(apt_uri security)" "$security"
}
deb822() {
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n' "$1" "$2"
}

# apt_uri main|security - the machine's own mirror of Debian.
apt_uri() {
  local uri
  uri=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    awk -v want="$1" '
      $1 == "URIs:" { uri = $2 }
      $1 == "deb" { uri = ""; for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { uri = $i; break } }
      uri ~ /\/debian(-security)?\/?$/ && ($1 == "URIs:" || $1 == "deb") {
        if ((uri ~ /-security\/?$/) == (want == "security")) { print uri; exit }
      }')
  if [ -n "$uri" ]; then
    echo "$uri"
  elif [ "$1" = security ]; then
    uri=$(apt_uri main)
    echo "${uri%/}-security"
  else
    die "no mirror of Debian is named in /etc/apt"
  fi
}
