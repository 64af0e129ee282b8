# The images that the Dockerfile and the tests start from, and the product's own. Base images are pulled under their
# public names, or built under the very same names from Debian and npm packages where no registry can be reached.
# A stand-in carries a digest of what it was made from, and is made anew when that changes.
. "$ground/standins/debian.sh"

# BuildKit inside the engine: a builder in a container of its own would have to be pulled.
export DOCKER_BUILDKIT=1 BUILDX_BUILDER=default

prepare_images() {
  prepare_base_images
  prepare_server s3 standin/s3:sid debian:sid-slim
  prepare_server irc standin/ngircd:latest debian:trixie-slim --target ngircd
  prepare_server irc standin/atheme:latest debian:trixie-slim --target atheme
  prepare_server ssh standin/ssh:latest debian:trixie-slim
  prepare_postgres 15 postgres:15 bookworm /var/lib/postgresql/data /var/lib/postgresql/data
  prepare_postgres_17 postgres:17
  prepare_barycenter
  say "images: all there"
}

prepare_base_images() {
  prepare_public debian:trixie-slim "$(digest_of "$ground/standins/debian.sh")" build_debian trixie
  prepare_public rclone/rclone:1.75 "$(digest_of "$ground/standins/rclone")" build_rclone
  prepare_postgres_image
  prepare_postgres_17 postgres:17-trixie
  prepare_public node:26-trixie-slim "$(digest_of "$ground/standins/node")-$(node --version)" build_node
}

# Of sid, because trixie has 17; its client runs on trixie's libraries, which the Dockerfile makes sure of.
prepare_postgres_image() { prepare_postgres 18 postgres:18-trixie sid /var/lib/postgresql/18/docker /var/lib/postgresql; }

# Under two names: as the Dockerfile has it, with its suite, and as people write it.
prepare_postgres_17() { prepare_postgres 17 "$1" trixie /var/lib/postgresql/data /var/lib/postgresql/data; }

# prepare_public IMAGE DIGEST BUILDER... - keeps it, else pulls it, else builds it: BUILDER... IMAGE DIGEST
prepare_public() {
  local image digest made_of
  image=$1 digest=$2
  shift 2
  made_of=$(standin_digest "$image")
  case $made_of in "$digest" | public) return 0 ;; esac
  [ "$made_of" != absent ] || ! pull "$image" || return 0
  build "$image" "$@" "$image" "$digest"
}

# The application of docker-compose.example.yml, under the tag that is named there.
prepare_barycenter() {
  local base folder schema
  base=node:26-trixie-slim folder=$ground/standins/barycenter schema=$root/test/fixtures/barycenter/barycenter-schema.sql
  prepare_public ghcr.io/cloudnebulaproject/barycenter:0.2.0-beta.5 \
    "$(digest_of "$folder")-$(digest_of "$schema")-$(docker image inspect -f '{{.Id}}' $base | cut -c8-19)" build_barycenter
}

build_barycenter() {
  local work
  work=$(mktemp -d)
  cp "$ground"/standins/barycenter/* "$work/"
  cp "$root/test/fixtures/barycenter/barycenter-schema.sql" "$work/schema.sql"
  docker build --tag "$1" --label "lifeboat-standin=$2" "$work" || return 1
  rm -rf "$work"
}

# prepare_postgres MAJOR IMAGE SUITE PGDATA VOLUME - each from the suite of Debian that has it.
prepare_postgres() {
  prepare_public "$2" "$(digest_of "$ground/standins/postgres")" build_postgres "$1" "$3" "$4" "$5"
}

# build_postgres MAJOR SUITE PGDATA VOLUME IMAGE KEY
build_postgres() {
  prepare_public "debian:$2-slim" "$(digest_of "$ground/standins/debian.sh")" build_debian "$2"
  docker build --tag "$5" --label "lifeboat-standin=$6" --build-arg PG_MAJOR="$1" --build-arg BASE="debian:$2-slim" \
    --build-arg PGDATA="$3" --build-arg PGVOLUME="$4" "$ground/standins/postgres"
}

# prepare_server FOLDER IMAGE BASE [OPTION...] - a server for the tests, which no registry has.
prepare_server() {
  local folder image base digest
  folder=$ground/standins/$1 image=$2 base=$3
  shift 3
  case $base in debian:sid-slim) prepare_public $base "$(digest_of "$ground/standins/debian.sh")" build_debian sid ;; esac
  digest=$(digest_of "$folder")-$(docker image inspect -f '{{.Id}}' "$base" | cut -c8-19)
  [ "$(standin_digest "$image")" != "$digest" ] || return 0
  build "$image" docker build --tag "$image" --label "lifeboat-standin=$digest" --build-arg BASE="$base" "$@" "$folder"
}

build() {
  local image began
  image=$1 began=$(date +%s)
  shift
  quietly "image-$(printf %s "$image" | tr -c 'a-z0-9.\n' -)" "the image '$image' could not be built" "$@"
  say "images: built $image in $(($(date +%s) - began)) s, $(size_of "$image")"
}

# One failed pull is enough for a run: a registry that answers nothing would cost the whole wait for each image.
pull() {
  [ -z "${no_registry:-}" ] || return 1
  if timeout 60 docker pull --quiet "$1" >"$cache/pull.log" 2>&1; then
    say "images: pulled $1"
  else
    no_registry=1
    say "images: $1 cannot be pulled; base images are built from Debian and npm packages"
    return 1
  fi
}

# What a stand-in was made from, "public" for an image that is no stand-in of ours, "absent" for none.
standin_digest() {
  local digest
  digest=$(docker image inspect -f '{{index .Config.Labels "lifeboat-standin"}}' "$1" 2>/dev/null) || digest=absent
  echo "${digest:-public}"
}

digest_of() { find "$1" -type f | LC_ALL=C sort | xargs cat | sha256sum | cut -c1-12; }
size_of() { docker image inspect -f '{{.Size}}' "$1" | awk '{ printf "%d MB", $1 / 1e6 }'; }

build_rclone() {
  docker build --tag "$1" --label "lifeboat-standin=$2" --build-arg WANT=1.75 "$ground/standins/rclone"
}

# The Node of node_modules is the unpacked official one; npm comes as the npm package, which has its dependencies in it.
build_node() {
  local work
  work=$(mktemp -d)
  mkdir -p "$work/n/bin" "$work/n/lib/node_modules/npm"
  cp "$root/node_modules/node/bin/node" "$work/n/bin/"
  (cd "$work" && npm pack --silent npm@11) || return 1
  tar -xzf "$work"/npm-*.tgz -C "$work/n/lib/node_modules/npm" --strip-components=1 --no-same-owner
  cp "$ground/standins/node/docker-entrypoint.sh" "$work/"
  chmod -R go+rX "$work"
  docker build --tag "$1" --label "lifeboat-standin=$2" --file "$ground/standins/node/Dockerfile" "$work" || return 1
  rm -rf "$work"
}

# Where a proxy opens the machine's TLS connections, npm inside the build must trust what the machine trusts.
prepare_lifeboat_image() {
  local authorities began revision
  prepare_base_images
  began=$(date +%s)
  authorities=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
  set --
  [ ! -r "$authorities" ] || set -- --secret "id=ca,src=$authorities"
  # A change that is in no commit yet is told by the "-dirty" behind the commit.
  revision=$(git -C "$root" describe --always --abbrev=40 --exclude='*' --dirty 2>/dev/null || echo unknown)
  quietly image-lifeboat "the image lifeboat:dev could not be built" docker build --tag lifeboat:dev \
    --build-arg REVISION="$revision" "$@" "$root"
  say "images: built lifeboat:dev in $(($(date +%s) - began)) s, $(size_of lifeboat:dev)"
}
