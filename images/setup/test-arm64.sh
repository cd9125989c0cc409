#!/usr/bin/env bash
# Runs unit tests as arm64 programs under qemu-user: what needs no container, no root and no C. It says which packages are
# left out, and why. -short, since emulation is some ten times slower. Arguments are packages, instead of all.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || { echo "qemu-user is not installed: apt-get install qemu-user-static" >&2; exit 1; }
export GOARCH=arm64 CGO_ENABLED=0 GOFLAGS=-buildvcs=false
# sandboxes and CRIU drive processes of this machine, the daemon's tests start them, Redis' and NVML's need what is not emulated,
# reseed traces a process and reads its memory, sockio's sees what emulation does to polling
left='runtime/sandbox|snapshotter/criu|snapshotter/cuda|runtime/device|runtime/jobs/redis|runtime/guest/reseed|runtime/guest/loopback|runtime/sockio|engine/ort|engine/tensorrt'
mapfile -t all < <(if (($#)); then printf '%s\n' "$@"; else go list ./runtime/... ./snapshotter/... ./functions/schema/... ./functions/media/... ./functions/inference/onnx/... ./functions/inference/weights/... ./functions/inference/scheduler/... | grep -vE "$left"; fi)
(($#)) || echo "LEFT OUT  $left"
go test -trimpath -short -count=1 -p 2 -timeout 20m -exec "$qemu" "${all[@]}" 2>&1 | grep -v 'no test files'
exit "${PIPESTATUS[0]}"
