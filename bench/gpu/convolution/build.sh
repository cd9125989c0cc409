#!/usr/bin/env bash
# Builds the check and the timing of Hopper's convolutions for a GPU of sm_90, on any machine.   build.sh OUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); kernels=$here/../../../functions/inference/kernels/cuda
out=${1:?where to put the program}; cuda=${VIDEOSDGX_CUDA_TOOLKIT:-/opt/videosdgx/nvcc}
export PATH=$cuda/bin:$cuda/nvvm/bin:$PATH
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
flags=(-std=c++17 -O3 -I"$kernels" -I"$kernels/../../engine/ort/include" -I"$cuda/include" -gencode arch=compute_90a,code=sm_90a --expt-relaxed-constexpr)
nvcc "${flags[@]}" -Dconv_hopper=conv_never -c "$kernels/conv.cu" -o "$work/plain.o" # the plain ones alone
nvcc "${flags[@]}" -c "$kernels/conv_hopper.cu" -o "$work/hopper.o"
nvcc "${flags[@]}" -x c++ -c "$kernels/tensor_map.cc" -o "$work/map.o"
nvcc "${flags[@]}" -c "$here/main.cu" -o "$work/main.o"
nvcc -cudart static -L"$cuda/lib" "$work"/*.o -ldl -o "$out"
