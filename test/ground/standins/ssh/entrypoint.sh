#!/bin/sh
# sshd demands owner root and tight modes, which a mounted file may not have.
set -eu
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
install -m 644 /keys/authorized_keys /etc/ssh/authorized_keys
exec /usr/sbin/sshd -D -e -o AuthorizedKeysFile=/etc/ssh/authorized_keys -o AuthenticationMethods=publickey \
  -o AllowUsers=backup -o UsePAM=no -o PrintMotd=no
