#!/usr/bin/env bash
# Installs libonnxruntime, at least of the version in functions/inference/engine/ort/include, out of the npm package onnxruntime-node.
# The library is checked against the digest below before it is put in place.
. "$(dirname "$0")/lib.sh"
version=1.27.0
case $(uname -m) in
  x86_64) arch=x64 sum=d8aff4aa8abee8fb2abb2f2f2459ffc94461e781e41b9f7c072829dd0d470221 ;;
  aarch64) arch=arm64 sum=c36bc200e7e6c093b8abb0b34590fbdd8c52fd3fb5e33795b9523ffdde2fce0f ;;
  *) die "no ONNX Runtime for $(uname -m) in onnxruntime-node; set VIDEOSDGX_ORT_LIB to a libonnxruntime.so of version $version" ;;
esac
lib=$libdir/libonnxruntime.so.1
check() { [[ -f $1 ]] && [[ $(sha256sum "$1" | cut -d' ' -f1) == "$sum" ]]; }
check "$lib" && exit 0
[[ -z ${VIDEOSDGX_ORT_LIB:-} ]] || exit 0

say "fetching ONNX Runtime $version ($arch)"
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
(cd "$tmp" && npm pack --silent "onnxruntime-node@$version" >/dev/null) || die "npm could not fetch onnxruntime-node@$version"
tar -xzf "$tmp"/onnxruntime-node-*.tgz -C "$tmp" --wildcards "package/bin/napi-v*/linux/$arch/libonnxruntime.so*"
found=$(find "$tmp" -name 'libonnxruntime.so*' -type f | head -n 1)
check "$found" || die "libonnxruntime.so of onnxruntime-node@$version has sha256 $(sha256sum "$found" | cut -d' ' -f1), expected $sum; nothing was installed"
mkdir -p "$libdir" && install -m 0755 "$found" "$lib.new" && mv "$lib.new" "$lib"
ln -sf libonnxruntime.so.1 "$libdir/libonnxruntime.so"
