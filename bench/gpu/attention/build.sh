#!/usr/bin/env bash
# Builds the check and the timing of Hopper's attention for a GPU of sm_90, on any machine.   build.sh OUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); kernels=$here/../../../functions/inference/kernels/cuda
out=${1:?where to put the program}; cuda=${VIDEOSDGX_CUDA_TOOLKIT:-/opt/videosdgx/nvcc}
export PATH=$cuda/bin:$cuda/nvvm/bin:$PATH
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
flags=(-std=c++17 -O3 -I"$kernels" -I"$kernels/../../engine/ort/include" -I"$cuda/include" -gencode arch=compute_90a,code=sm_90a --expt-relaxed-constexpr)
for f in "$here/main.cu" "$kernels"/attention.cu "$kernels"/attention_codes.cu; do nvcc "${flags[@]}" -c "$f" -o "$work/$(basename "$f").o"; done
for f in "$kernels"/tensor_map.cc "$kernels"/op.cc; do nvcc "${flags[@]}" -x c++ -c "$f" -o "$work/$(basename "$f").o"; done
nvcc -cudart static -L"$cuda/lib" "$work"/*.o -ldl -o "$out"
