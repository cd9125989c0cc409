# Sourced by the build.sh of a program that checks and times kernels on a GPU of sm_90: any machine can build it, no GPU is needed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); kernels=$here/../../../functions/inference/kernels/cuda
out=${1:?where to put the program}; cuda=${VIDEOSDGX_CUDA_TOOLKIT:-/opt/videosdgx/nvcc}
[[ -x $cuda/bin/nvcc ]] || { echo "no CUDA compiler in $cuda; run images/setup/nvcc.sh, or set VIDEOSDGX_CUDA_TOOLKIT" >&2; exit 1; }
export PATH=$cuda/bin:$cuda/nvvm/bin:$PATH
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
flags=(-std=c++17 -O3 -I"$kernels" -I"$kernels/../../engine/ort/include" -I"$cuda/include" -gencode arch=compute_90a,code=sm_90a --expt-relaxed-constexpr)

# compile FILE [FLAG…]
compile() { nvcc "${flags[@]}" "${@:2}" -c "$1" -o "$work/$(basename "$1").o"; }

# link makes the program of all that was compiled.
link() { nvcc -cudart static -L"$cuda/lib" "$work"/*.o -ldl -o "$out"; }
