#!/usr/bin/env bash
# Runs every test. As root those of containerd, CRIU and the AWS CLI are among them, and fail where what they need is
# missing. Elsewhere they are left out, and the last lines say so.
cd "$(dirname "$0")/../.." || exit 1
left_out=()
if ((EUID == 0)); then
  export VIDEOSDGX_TEST_CONTAINERD=1
  { "${VIDEOSDGX_AWS:-/usr/bin/aws}" --version || aws --version; } 2>&1 | grep -q '^aws-cli/2' && export VIDEOSDGX_TEST_AWSCLI=1 ||
    left_out+=("the AWS CLI: this distribution has none; install version 2, or name it in VIDEOSDGX_AWS, and run make test again")
  export VIDEOSDGX_TEST_SCHEMATHESIS=1
  { [[ -x ${VIDEOSDGX_CRIU:-/opt/criu}/sbin/criu ]] || command -v criu >/dev/null; } && export VIDEOSDGX_TEST_CRIU=1 ||
    left_out+=("snapshots: no CRIU 4.2 on this machine (see images/setup/criu.sh)")
  { command -v "${VIDEOSDGX_CHROMIUM:-chromium}" || command -v google-chrome; } >/dev/null && export VIDEOSDGX_TEST_BROWSER=1 ||
    left_out+=("the page in a browser: this distribution has no chromium; install Chrome, or name one in VIDEOSDGX_CHROMIUM, and run make test again")
else
  left_out+=("containerd, isolation, snapshots: these need root; run: sudo make test")
fi
if ls /opt/videosdgx/tensorrt/lib/libtensorrt_rtx.so.* >/dev/null 2>&1; then
  export VIDEOSDGX_TEST_TENSORRT=1
else
  left_out+=("TensorRT plans: TensorRT-RTX is not installed; run: sudo make setup-tensorrt")
fi
if [[ -x /opt/videosdgx/prometheus/prometheus ]]; then
  export VIDEOSDGX_TEST_PROMETHEUS=/opt/videosdgx/prometheus
else
  left_out+=("the dashboard and the alerts in a real Prometheus: run: sudo make setup-test")
fi
{ command -v zsh && command -v fish && [[ -f /usr/share/bash-completion/bash_completion ]]; } >/dev/null && export VIDEOSDGX_TEST_SHELLS=1 ||
  left_out+=("completion in bash, zsh and fish: run: sudo make setup-test")
export VIDEOSDGX_TEST_BIN=$PWD/bin
# an ACME authority, for the certificates of serve --acme
[[ -x .build/pebble ]] || GOBIN=$PWD/.build GOFLAGS=-buildvcs=false go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3
export VIDEOSDGX_TEST_PEBBLE=$PWD/.build/pebble
log=$(mktemp); trap 'rm -f "$log"' EXIT
# two packages at a time: many start servers, and a machine of two cores carries no more
go test -count=1 -p 2 -timeout 15m "$@" ./... 2>&1 | grep -v 'no test files' | tee "$log"
status=${PIPESTATUS[0]}
passed=$(grep -c '^ok' "$log"); failed=$(grep -c '^FAIL.*/' "$log")
for l in "${left_out[@]}"; do echo "LEFT OUT  $l"; done
echo "$passed packages passed, $failed failed, ${#left_out[@]} parts left out"
exit "$status"
