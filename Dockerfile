ARG BASE_IMAGE=debian:trixie-slim
ARG NODE_IMAGE=node:26-trixie-slim
ARG RCLONE_IMAGE=rclone/rclone:1.75
ARG POSTGRES_IMAGE=postgres:18-trixie
ARG POSTGRES_17_IMAGE=postgres:17-trixie

FROM $RCLONE_IMAGE AS rclone

# The newest client programs, which save servers of their own version and all older ones, and the libpq they came with.
# pg_verifybackup runs pg_waldump, and both are in the server's package.
FROM $POSTGRES_IMAGE AS postgres
RUN mkdir -p /client/bin /client/lib \
 && cd /usr/lib/postgresql/*/bin && cp pg_basebackup pg_combinebackup pg_dump pg_dumpall pg_restore pg_verifybackup pg_waldump psql /client/bin/ \
 && cp -L "$(ldd ./pg_dump | awk '$1 == "libpq.so.5" { print $3 }')" /client/lib/

# Increments of servers of 17 are put together by programs of 17 alone.
FROM $POSTGRES_17_IMAGE AS postgres-17
RUN mkdir /client && cd /usr/lib/postgresql/17/bin && cp pg_combinebackup pg_verifybackup pg_waldump /client/

FROM $NODE_IMAGE AS manifest
WORKDIR /build
COPY package.json package-lock.json ./

# What runs: production packages, without what only compilers, browsers, other systems and readers need.
# The secret `ca` is optional: the authorities to trust where a proxy opens TLS connections.
FROM manifest AS packages
RUN --mount=type=secret,id=ca,target=/run/ca.pem --mount=type=cache,target=/root/.npm \
    NODE_EXTRA_CA_CERTS=/run/ca.pem npm ci --omit=dev --ignore-scripts --no-audit --no-fund
RUN cd node_modules \
 && rm -rf .bin better-sqlite3/deps better-sqlite3/src nan node-addon-api cpu-features/deps cpu-features/src \
 && keep="linux-$(node -p process.arch).node" \
 && find better-sqlite3/prebuilds -type f ! -name "$keep" -delete \
 && test -f "better-sqlite3/prebuilds/$keep" \
 && find openpgp/dist -mindepth 1 -maxdepth 1 ! -name node -exec rm -rf {} + \
 && find . -type f \( -name '*.map' -o -name '*.min.*' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.md' -o -name '*.markdown' \
      -o -name '*.gyp' -o -name '.eslintrc*' -o -name '.travis.yml' -o -name 'tsconfig*.json' \) -delete \
 && find . -type d \( -name test -o -name tests -o -name __tests__ -o -name docs -o -name example -o -name examples -o -name .github \) \
      -prune -exec rm -rf {} + \
 && find . -type d -empty -delete

FROM manifest AS build
RUN --mount=type=secret,id=ca,target=/run/ca.pem --mount=type=cache,target=/root/.npm \
    NODE_EXTRA_CA_CERTS=/run/ca.pem npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN node_modules/.bin/tsc -p tsconfig.build.json && chmod 755 dist/main.js

# Node without the symbols that only a debugger reads: 30 MB less.
FROM $NODE_IMAGE AS node
RUN apt-get update && apt-get install -y --no-install-recommends binutils && strip -o /node /usr/local/bin/node && /node --version

FROM $BASE_IMAGE
# ssh refuses to work for a user without a name, hence `lifeboat` for those who run this as user 1000.
# The state folder is open to whichever user that is; what is written to it is not.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libatomic1 libldap2 liblz4-1 libreadline8t64 libxxhash0 openssh-client \
      rsync tini tzdata zstd \
 && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/debconf/*-old \
 && useradd --uid 1000 --home-dir /var/lib/lifeboat --no-create-home --shell /usr/sbin/nologin lifeboat \
 && install -d -m 1777 /var/lib/lifeboat
COPY --from=rclone /usr/local/bin/rclone /usr/local/bin/
COPY --from=postgres /client/ /usr/local/
COPY --from=postgres-17 /client/ /usr/local/lib/postgresql/17/bin/
RUN ldconfig && for program in /usr/local/lib/postgresql/17/bin/* pg_basebackup pg_combinebackup pg_dump pg_dumpall pg_restore pg_verifybackup pg_waldump psql; do $program --version || exit 1; done
COPY --from=node /node /usr/local/bin/
COPY --from=packages /build/node_modules /opt/lifeboat/node_modules
COPY --from=build /build/dist /opt/lifeboat/dist
COPY package.json LICENSE /opt/lifeboat/
COPY --chmod=755 entrypoint.sh /usr/local/bin/
RUN ln -s /opt/lifeboat/dist/main.js /usr/local/bin/lifeboat

# What Node compiles of a source file is kept for the next start: the health check alone starts it every minute.
ENV NODE_COMPILE_CACHE=/opt/lifeboat/compiled
RUN export BACKUP_NAME=build GPG_PASSPHRASE=only-for-the-build BACKUP_SOURCES=/etc BACKUP_ARCHIVE=/tmp BACKUP_STATE=/tmp/state; \
    lifeboat help && lifeboat list && { lifeboat health || test $? = 1; } && rm -rf /tmp/state

ARG VERSION=0.1.0
ARG REVISION=unknown
# Read by `lifeboat version`.
RUN printf '%s\n' "$REVISION" > /opt/lifeboat/revision
LABEL org.opencontainers.image.title="Lifeboat" \
      org.opencontainers.image.description="A Docker backup sidecar that proves its restores" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

# TINI_SUBREAPER: with `init: true` tini is not the first process, and would complain about that.
ENV NODE_ENV=production TINI_SUBREAPER=1
WORKDIR /var/lib/lifeboat
VOLUME /var/lib/lifeboat
HEALTHCHECK --interval=60s --timeout=30s --start-period=60s --retries=3 CMD ["lifeboat", "health"]
ENTRYPOINT ["tini", "--", "entrypoint.sh"]
CMD ["lifeboat"]
