#!/bin/sh
# Clips, jobs, models and keys are somebody's: a purge leaves them, and says so.
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload
if [ "$1" = purge ] && [ -d /var/lib/videosdgx ]; then
  rmdir --ignore-fail-on-non-empty /etc/videosdgx /var/lib/videosdgx 2>/dev/null || true
  [ ! -d /var/lib/videosdgx ] || echo "videosdgx: clips, jobs, models and keys stay in /var/lib/videosdgx; rm -r removes them"
fi
