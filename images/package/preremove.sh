#!/bin/sh
# At an upgrade the service goes on until the new version restarts it. Data stay in /var/lib/videosdgx.
set -e
[ -d /run/systemd/system ] || exit 0
if [ "$1" = remove ]; then
  systemctl disable --now videosdgx.service videosdgx.socket 2>/dev/null || true
fi
