#!/usr/bin/env bash
# Compiles the CUDA operators into one library with machine code for every GPU that is served, on any machine: no GPU and no
# CUDA installation is needed. The compiler and the headers come as pinned wheels (images/setup/nvcc.sh).
#   build.sh OUT [SM…]      default: 80 90a 100a 120a 121a
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?where to put libvideosdgx_kernels_cuda.so}; shift
sms=("$@"); ((${#sms[@]})) || sms=(80 90a 100a 120a 121a)
cuda=${VIDEOSDGX_CUDA_TOOLKIT:-/opt/videosdgx/nvcc}
[[ -x $cuda/bin/nvcc ]] || { echo "no CUDA compiler in $cuda; run images/setup/nvcc.sh, or set VIDEOSDGX_CUDA_TOOLKIT" >&2; exit 1; }
ort=${VIDEOSDGX_ORT_HEADERS:-$here/../../engine/ort/include}
export PATH=$cuda/bin:$cuda/nvvm/bin:$PATH
gencode=(); for s in "${sms[@]}"; do gencode+=(-gencode "arch=compute_$s,code=sm_$s"); done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
flags=(-std=c++17 -O3 -Werror all-warnings -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra,-Werror -I"$ort" -I"$cuda/include" --threads 0)
for f in "$here"/*.cu; do nvcc "${flags[@]}" "${gencode[@]}" --expt-relaxed-constexpr -c "$f" -o "$work/$(basename "$f").o"; done
for f in "$here"/*.cc; do nvcc "${flags[@]}" -x c++ -c "$f" -o "$work/$(basename "$f").o"; done
mkdir -p "$(dirname "$out")"
nvcc -shared -cudart static -L"$cuda/lib" -Xlinker --exclude-libs,ALL -Xlinker --version-script="$here/../exports.map" "$work"/*.o -ldl -o "$out"
