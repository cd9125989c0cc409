#!/usr/bin/env bash
# build.sh VERSION TO [INCLUDE]: compiles the shim for the headers of VERSION (10, 11, rtx1, or 8 with the folder of its
# headers) into the library TO. CXX names the compiler, by default g++.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=$1 to=$2 include=${3:-}
case $version in
  8) [[ -n $include ]] || { echo "TensorRT 8's headers are not free to be shipped: name their folder" >&2; exit 1; } ;;
  rtx*) include=$here/../include/$version ;;
  *) include=$here/../include/trt$version ;;
esac
[[ -f $to && -z $(find "$here" -newer "$to" -type f) ]] && exit 0
"${CXX:-g++}" -std=c++17 -O2 -fPIC -shared -fvisibility=hidden -static-libstdc++ -static-libgcc -Wall -Wextra -Werror \
  -Wl,--exclude-libs,ALL -Wl,--version-script="$here/exports.map" \
  -isystem "$include" -isystem "$here/include" -I "$here" -o "$to.new" "$here/vdx_trt.cpp" -ldl
mv "$to.new" "$to"
