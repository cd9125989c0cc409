# Shared by the setup scripts; sourced, not run. Every step says what it does once, and is silent when there is nothing to do.
set -euo pipefail
libdir=/usr/local/lib/videosdgx # ONNX Runtime
bindir=/opt/videosdgx/bin       # binaries newer than the distribution's
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
((EUID == 0)) || libdir=$root/bin/lib # the programs in bin look there too
say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# has_package PACKAGE: whether the distribution has it. A machine without package lists, as a fresh container, gets them first.
has_package() {
  have apt-cache || return 1
  apt-cache show "$1" >/dev/null 2>&1 || { apt-get update -q >/dev/null 2>&1 && apt-cache show "$1" >/dev/null 2>&1; }
}

# install_packages PACKAGE…: what is missing, by apt. Ends with a sentence where there is no root or no apt.
install_packages() {
  local missing=()
  for p in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
  done
  ((${#missing[@]})) || return 0
  have apt-get || die "install these with your distribution's tools, then run make setup again: ${missing[*]}"
  ((EUID == 0)) || die "needs root to install ${missing[*]}; run: sudo apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  local log; log=$(mktemp)
  # policy-rc.d keeps the packages from starting services that nobody asked for
  local policy=/usr/sbin/policy-rc.d made=
  [[ -e $policy ]] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"; made=1; }
  if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    [[ -z $made ]] || rm -f "$policy"
    tail -n 20 "$log" >&2; rm -f "$log"; die "apt-get could not install ${missing[*]}; its last lines are above"
  fi
  [[ -z $made ]] || rm -f "$policy"
  rm -f "$log"
}
