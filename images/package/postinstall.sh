#!/bin/sh
# Jobs in the queue survive the restart of an upgrade: they are put back and run by the new version.
set -e
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
if systemctl is-active --quiet videosdgx.service; then
  systemctl restart videosdgx.service
else
  echo "videosdgx: look at /etc/videosdgx/config.yaml, then: systemctl enable --now videosdgx"
fi
