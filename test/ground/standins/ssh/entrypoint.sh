#!/bin/sh
# /keys is mounted, and belongs to whoever runs the tests: hence no StrictModes.
set -eu
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
exec /usr/sbin/sshd -D -e -o AuthorizedKeysFile=/keys/authorized_keys -o StrictModes=no \
  -o AuthenticationMethods=publickey -o AllowUsers=backup -o UsePAM=no -o PrintMotd=no
