#!/usr/bin/env bash
# Brings CRIU 4.2 or newer: the distribution's where it is recent enough, else Debian's newest in a prefix of its own with
# its own C library (older CRIU fails on kernels from 6.16 on). The system's libraries are not touched.
# VIDEOSDGX_CRIU (default /opt/criu) is that prefix; DEBIAN_MIRROR names a Debian archive where apt has none.
. "$(dirname "$0")/lib.sh"
dest=${VIDEOSDGX_CRIU:-/opt/criu}

recent() { # PROGRAM: is it 4.2 or newer?
  local v; v=$("$1" --version 2>/dev/null | sed -n 's/^Version: //p')
  [[ -n $v ]] && [[ $(printf '4.2\n%s\n' "$v" | sort -V | head -n 1) == 4.2 ]]
}
recent "$dest/sbin/criu" && exit 0
have criu && recent criu && exit 0
candidate=$(apt-cache policy criu 2>/dev/null | sed -n 's/^ *Candidate: \([0-9.]*\).*/\1/p')
if [[ -n $candidate && $(printf '4.2\n%s\n' "$candidate" | sort -V | head -n 1) == 4.2 ]]; then
  install_packages criu
  exit 0
fi

mirror=${DEBIAN_MIRROR:-}
if [[ -z $mirror ]] && grep -qi '^ID=debian' /etc/os-release; then
  mirror=$(grep -hE '^(URIs:|deb )' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    grep -oE '[a-z]+://[^ ]+' | sed -n 1p || true)
fi
if [[ -z $mirror ]]; then
  say "no CRIU 4.2 here: snapshots stay off, everything else works. Set DEBIAN_MIRROR to a Debian archive and run make setup again"
  exit 0
fi
((EUID == 0)) || die "needs root to build the CRIU prefix in $dest; run: sudo make setup"
install_packages mmdebstrap patchelf debian-archive-keyring
say "building the CRIU prefix in $dest"
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
mmdebstrap --quiet --variant=extract --include=criu --aptopt='Acquire::Check-Valid-Until "false"' sid "$tmp/r" "$mirror" >/dev/null 2>"$tmp/log" ||
  { tail -n 20 "$tmp/log" >&2; die "could not fetch CRIU from the Debian archive; the last lines are above"; }

inside() { # NAME: the file in the extracted tree, its links followed within the tree
  local f; f=$(find "$tmp/r" -name "$1" \( -type f -o -type l \) -print -quit)
  while [[ -L $f ]]; do
    local to; to=$(readlink "$f")
    case $to in /*) f=$tmp/r$to ;; *) f=$(dirname "$f")/$to ;; esac
  done
  [[ -f $f ]] && printf '%s\n' "$f"
}
new=$tmp/new; mkdir -p "$new/lib" "$new/sbin"
cp "$(inside criu)" "$new/sbin/criu" 2>/dev/null || cp "$(find "$tmp/r" -type f -path '*sbin/criu')" "$new/sbin/criu"
loader=$(basename "$(patchelf --print-interpreter "$new/sbin/criu")")
queue=("$new/sbin/criu") # the closure of shared libraries, by NEEDED entries
while ((${#queue[@]})); do
  for lib in $(patchelf --print-needed "${queue[0]}"); do
    [[ -e $new/lib/$lib ]] && continue
    from=$(inside "$lib") || die "CRIU needs $lib, which the archive's packages did not bring"
    cp "$from" "$new/lib/$lib"; queue+=("$new/lib/$lib")
  done
  queue=("${queue[@]:1}")
done
[[ -e $new/lib/$loader ]] || cp "$(inside "$loader")" "$new/lib/$loader"
for f in "$new"/lib/*; do
  case ${f##*/} in "$loader" | libc.so*) ;; *) patchelf --force-rpath --set-rpath "$dest/lib" "$f" ;; esac
done
patchelf --set-interpreter "$dest/lib/$loader" --force-rpath --set-rpath "$dest/lib" "$new/sbin/criu"
mkdir -p "$dest" && cp -a "$new/." "$dest/"
recent "$dest/sbin/criu" || die "the CRIU in $dest does not answer with a version of 4.2 or newer"
"$dest/sbin/criu" check >/dev/null 2>"$tmp/check" || say "criu check complains: $(head -n 1 "$tmp/check")"
