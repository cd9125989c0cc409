#!/usr/bin/env bash
# Brings prometheus, promtool, alertmanager and amtool to /opt/videosdgx/prometheus, for the tests: out of the distribution's packages,
# without installing them, since that would start servers.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
to=/opt/videosdgx/prometheus
[[ -x $to/prometheus && -x $to/promtool && -x $to/alertmanager && -x $to/amtool && -f /usr/share/prometheus/alertmanager/email.tmpl ]] && exit 0
has_package prometheus && has_package prometheus-alertmanager || exit 0 # test.sh says what is left out
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt downloads as another user
(cd "$work" && apt-get download -q prometheus prometheus-alertmanager >/dev/null 2>&1 && for p in *.deb; do dpkg -x "$p" .; done) ||
  die "the packages prometheus and prometheus-alertmanager could not be downloaded; try: apt-get update"
mkdir -p "$to"
install -m 755 "$work"/usr/bin/prometheus "$work"/usr/bin/promtool "$to"
install -m 755 "$work"/usr/bin/prometheus-alertmanager "$to/alertmanager"
install -m 755 "$work"/usr/bin/amtool "$to/amtool"
# where Debian's looks for them
install -m 644 -D -t /usr/share/prometheus/alertmanager "$work"/usr/share/prometheus/alertmanager/*.tmpl
