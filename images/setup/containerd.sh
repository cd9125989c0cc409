#!/usr/bin/env bash
# Builds containerd, its runc shim and runc at pinned versions, from their Go modules, into /opt/videosdgx/bin. They are
# smaller and faster than the distribution's (no CRI, no tracing) and new enough for snapshots; those stay untouched and
# serve where these are missing. A daemon that runs already is used as it is.
. "$(dirname "$0")/lib.sh"
containerd=v2.4.2 runc=v1.5.2

# has PROGRAM MODULE VERSION: is it built from that version?
has() { [[ -x $bindir/$1 ]] && go version -m "$bindir/$1" 2>/dev/null | grep -qP "^\t(mod|dep)\t\Q$2\E\t\Q$3\E"; }

# build PROGRAM PACKAGE VERSION TAGS LDFLAGS: into a folder of its own, then renamed into place
build() {
  say "building $1 $3"
  local tmp; tmp=$(mktemp -d)
  if ! GOBIN=$tmp GOFLAGS=-buildvcs=false go install -trimpath -tags "$4" -ldflags "-s -w $5" "$2@$3" >"$tmp/log" 2>&1; then
    tail -n 20 "$tmp/log" >&2; rm -rf "$tmp"; die "could not build $1 $3; the last lines are above"
  fi
  mkdir -p "$bindir" && mv "$tmp/$1" "$bindir/$1" || die "cannot write to $bindir; run: sudo make setup"
  rm -rf "$tmp"
}

daemon=github.com/containerd/containerd/v2
has containerd $daemon $containerd ||
  CGO_ENABLED=0 build containerd $daemon/cmd/containerd $containerd no_cri,no_btrfs,no_zfs,no_devmapper,no_tracing "-X github.com/containerd/containerd/v2/version.Version=$containerd"
has containerd-shim-runc-v2 $daemon $containerd ||
  CGO_ENABLED=0 build containerd-shim-runc-v2 $daemon/cmd/containerd-shim-runc-v2 $containerd no_grpc ""
if ! has runc github.com/opencontainers/runc $runc; then
  install_packages libseccomp-dev pkg-config gcc libc6-dev
  CGO_ENABLED=1 build runc github.com/opencontainers/runc $runc seccomp "-X main.version=${runc#v}"
fi
