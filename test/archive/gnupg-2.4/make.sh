#!/bin/sh
# What GnuPG 2.4 makes with OCB, which the GnuPG of Debian 12 only reads: run where gpg is 2.4 (Debian 13), in this folder.
set -eu
GNUPGHOME=$(mktemp -d) && export GNUPGHOME
gpg() { command gpg --batch --quiet --pinentry-mode loopback --s2k-count 65536 "$@"; }
lines() { i=0; while [ "$i" -lt 60 ]; do echo "line $i of a file"; i=$((i + 1)); done; }
# Parts of 64 bytes, the smallest there are.
lines | gpg --passphrase pw --force-ocb --chunk-size 6 --compress-algo none --cipher-algo AES256 -o passphrase.gpg -c
lines | gpg --passphrase pw --force-ocb --chunk-size 6 --cipher-algo AES128 -o passphrase-aes128.gpg -c
lines | gpg --passphrase pw --force-ocb --cipher-algo TWOFISH -o twofish.gpg -c
gpg --passphrase '' --quick-generate-key a@b default default never
gpg --armor --export-secret-keys a@b > private-key.asc
lines | gpg --trust-model always --force-ocb --chunk-size 6 --compress-algo none -r a@b -o public-key.gpg -e
