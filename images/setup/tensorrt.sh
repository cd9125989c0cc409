#!/usr/bin/env bash
# Installs TensorRT-RTX into /opt/videosdgx/tensorrt, out of the wheel that carries it for ONNX Runtime; the archive is checked
# by its digest. Its builder needs no GPU. Idempotent: files that are damaged or missing are brought again. VIDEOSDGX_WHEELS=FOLDER takes the archive from a folder.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/wheels.sh"
dest=/opt/videosdgx/tensorrt
version=0.4.0 # of the wheel; it holds TensorRT-RTX 1.6.1, which include/rtx1 describes
[[ $(cat "$dest/VERSION" 2>/dev/null) == "$version" ]] && (cd "$dest/lib" && sha256sum --quiet -c ../SHA256SUMS >/dev/null 2>&1) && exit 0
((EUID == 0)) || die "needs root to write $dest; run: sudo make setup-tensorrt"
mkdir -p "$(dirname "$dest")"
new=$(mktemp -d "$(dirname "$dest")/.tensorrt-XXXXXX"); trap 'rm -rf "$new"' EXIT
mkdir "$new/unpacked" "$new/lib"
wheel onnxruntime-ep-nv-tensorrt-rtx-cu13 "$version" \
  68b8f7306b50cf76daf997b8be24ec3813498c15d48e0ddd211db14f2a9daa19 0ccf6a636f9f49d74e3e7e3b1b90287aa1c818db770b47fad6e8aa344f4290a5 "$new/unpacked"
find "$new/unpacked" -type f \( -name 'libtensorrt_rtx.so.*' -o -name 'libtensorrt_onnxparser_rtx.so.*' -o -name 'Acknowledgements.txt' \) -exec mv -t "$new/lib" {} +
rm -rf "$new/unpacked"
(cd "$new/lib" && sha256sum -- * >../SHA256SUMS)
printf '%s\n' "$version" >"$new/VERSION"
chmod 755 "$new"
rm -rf "$dest"; mv "$new" "$dest"; trap - EXIT
say "TensorRT-RTX is in $dest ($(du -sh "$dest" | cut -f1))"
