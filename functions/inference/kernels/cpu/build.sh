#!/usr/bin/env bash
# Builds libvideosdgx_kernels.so, one object for each instruction set of the target: build.sh CXX ORT-INCLUDE OUT
set -euo pipefail
cxx=$1 include=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd)
avx512="-mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c"
case $("$cxx" -dumpmachine) in
  x86_64*) units=("avx2 -mavx2 -mfma -mf16c" "avxvnni -mavx2 -mfma -mf16c -mavxvnni" "avx512 $avx512" "avx512vnni $avx512 -mavx512vnni"
    "amx $avx512 -mavx512vnni -mamx-tile -mamx-bf16" "amxsoft $avx512 -mavx512vnni") ;;
  aarch64*) units=("neon -march=armv8-a" "neondot -march=armv8.2-a+dotprod") ;;
  *) units=() ;;
esac
units+=("generic")
objects=$(mktemp -d); trap 'rm -rf "$objects"' EXIT
compile() { # object, source, flags
  "$cxx" -std=c++17 -O3 -fPIC -fvisibility=hidden -ffp-contract=fast -Wall -Wextra -Wno-maybe-uninitialized -Wno-psabi -I"$include" "${@:3}" -c "$here/$2" -o "$objects/$1.o"
}
for u in "${units[@]}"; do
  read -r name flags <<<"$u"
  compile "$name" "isa_$name.cc" $flags &
done
for source in choose linear clip register; do compile "$source" "$source.cc" & done
for job in $(jobs -p); do wait "$job"; done
mkdir -p "$(dirname "$out")"
"$cxx" -shared -Wl,--no-undefined -Wl,-z,now -static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL -Wl,--version-script="$here/../exports.map" "$objects"/*.o -o "$out.new"
mv "$out.new" "$out"
