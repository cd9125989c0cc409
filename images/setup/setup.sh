#!/usr/bin/env bash
# Brings what a machine needs to run VideosDGX: containerd and an OCI runtime, ffmpeg, ONNX Runtime, CRIU.
#   setup.sh          what `make demo` and `serve` need
#   setup.sh test     and what the tests need besides (redis-server, nginx, the AWS CLI, Node's build tools, schemathesis, Chromium)
# Idempotent: a second run takes a moment. Private parts go to /opt/videosdgx, /opt/criu and /usr/local/lib/videosdgx.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

{ have gcc && have g++; } || install_packages gcc g++ libc6-dev
have npm || die "npm is missing (it brings ONNX Runtime); install it: apt-get install npm"
if ((EUID == 0)); then
  install_packages ca-certificates containerd runc ffmpeg iproute2 nftables
  "$here/containerd.sh"
  "$here/criu.sh"
else
  say "not root: no containerd and no CRIU; functions run as plain processes (sudo make setup for the rest)"
  have ffmpeg || die "ffmpeg is missing; install it: sudo apt-get install ffmpeg"
fi
"$here/ort.sh"
if [[ ${1:-} == test ]] && ((EUID == 0)); then
  "$here/tensorrt.sh"
  install_packages bash-completion zsh fish # which complete videosdgx
  install_packages redis-server nginx-light cmake autoconf automake libtool g++ python3 make
  "$here/prometheus.sh"
  # the page's browser; where the distribution has none (Ubuntu's is a snap), test.sh says what is left out
  command -v chromium >/dev/null || ! has_package chromium || install_packages chromium
  # holds the page to the rules of accessibility
  [[ -f /opt/videosdgx/axe/node_modules/axe-core/axe.min.js ]] || npm install --silent --no-fund --no-audit --prefix /opt/videosdgx/axe axe-core@4.14.1
  # Ubuntu 24.04 has none; test.sh then says what is left out
  [[ -x /usr/bin/aws ]] || ! has_package awscli || install_packages awscli
  # holds the REST API to its OpenAPI document; a test, of which users need nothing
  if [[ ! -x /opt/videosdgx/schemathesis/bin/schemathesis ]]; then
    install_packages python3-venv
    python3 -m venv /opt/videosdgx/schemathesis
    /opt/videosdgx/schemathesis/bin/pip install --quiet --disable-pip-version-check schemathesis==4.32.5
  fi
fi
say "done; videosdgx doctor shows what is here"
