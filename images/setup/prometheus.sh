#!/usr/bin/env bash
# Brings prometheus and promtool to /opt/videosdgx/prometheus, for the tests: out of the distribution's package, without
# installing it, since that would start a server.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
to=/opt/videosdgx/prometheus
[[ -x $to/prometheus && -x $to/promtool ]] && exit 0
has_package prometheus || exit 0 # test.sh says what is left out
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt downloads as another user
(cd "$work" && apt-get download -q prometheus >/dev/null 2>&1 && dpkg -x prometheus_*.deb .) || die "the package prometheus could not be downloaded; try: apt-get update"
mkdir -p "$to"
install -m 755 "$work"/usr/bin/prometheus "$work"/usr/bin/promtool "$to"
