#!/usr/bin/env bash
# Brings what functions on a GPU need: ONNX Runtime's CUDA build and the CUDA libraries that it loads, each a pinned archive
# checked by its digest, into /opt/videosdgx/gpu; and this project's own GPU operators, compiled where they are missing. Only the
# NVIDIA driver is the machine's own. Idempotent: a second run takes a moment. Nothing here is used by functions without a GPU.
#   VIDEOSDGX_GPU     another place than /opt/videosdgx/gpu
#   VIDEOSDGX_WHEELS  a folder with the archives, for machines without a network
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/wheels.sh"
dest=${VIDEOSDGX_GPU:-/opt/videosdgx/gpu}
version=1.31.1-cuda13.0-cudnn9.19-2 # of the whole: changes with every pin below

# NAME VERSION SHA256-x86_64 SHA256-aarch64
pins="
onnxruntime-gpu 1.31.1 05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7 a0f1725c5a6d1ef82d63498b5ebc25e2c90c9560e91dc76db9be4a49162d4d33
nvidia-cuda-runtime 13.0.96 7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548 ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55
nvidia-cublas 13.1.0.3 ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171 c86fc7f7ae36d7528288c5d88098edcb7b02c633d262e7ddbb86b0ad91be5df2
nvidia-cudnn-cu13 9.19.0.56 d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf 6ed29ffaee1176c612daf442e4dd6cfeb6a0caa43ddcbeb59da94953030b1be4
nvidia-cuda-nvrtc 13.0.88 ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575 d27f20a0ca67a4bb34268a5e951033496c5b74870b868bacd046b1b8e0c3267b
nvidia-curand 10.4.0.35 1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc 133df5a7509c3e292aaa2b477afd0194f06ce4ea24d714d616ff36439cee349a
"

stamp() { cat "$dest/VERSION" 2>/dev/null || true; }
libraries() {
  [[ $(stamp) == "$version" ]] && (cd "$dest/lib" && sha256sum --quiet -c ../SHA256SUMS >/dev/null 2>&1) && return 0
  local parent new; parent=$(dirname "$dest")
  mkdir -p "$parent" 2>/dev/null && [[ -w $parent ]] || die "cannot write to $parent; run: sudo make setup-gpu"
  new=$(mktemp -d "$parent/.gpu-XXXXXX"); trap 'rm -rf "$new"' EXIT
  mkdir "$new/unpacked" "$new/lib"
  while read -r name v x86 arm; do
    [[ -z $name ]] || wheel "$name" "$v" "$x86" "$arm" "$new/unpacked"
  done <<<"$pins"
  # the libraries alone, side by side: each finds the others in its own folder
  find "$new/unpacked" -type f -name 'lib*.so*' ! -name '*tensorrt*' ! -name 'libnvblas*' ! -name '*.alt.*' -exec mv -t "$new/lib" {} +
  mv "$new/lib"/libonnxruntime.so.1.* "$new/lib/libonnxruntime.so.1"
  have patchelf || install_packages patchelf
  for f in "$new"/lib/libonnxruntime_providers_cuda.so "$new"/lib/libcublas.so.* "$new"/lib/libcudnn*.so.* "$new"/lib/libnvrtc.so.*; do patchelf --set-rpath '$ORIGIN' "$f"; done
  rm -rf "$new/unpacked"
  (cd "$new/lib" && sha256sum -- * >../SHA256SUMS)
  printf '%s\n' "$version" >"$new/VERSION"
  chmod 755 "$new"
  [[ -f $dest/lib/libvideosdgx_kernels_cuda.so ]] && cp "$dest/lib/libvideosdgx_kernels_cuda.so"* "$new/lib/"
  rm -rf "$dest.old"
  [[ -d $dest ]] && mv "$dest" "$dest.old"
  mv "$new" "$dest"
  rm -rf "$dest.old"
  trap - EXIT
  say "CUDA libraries are in $dest ($(du -sh "$dest" | cut -f1))"
}

# kernels are compiled from the checkout; the digest of their sources says whether they have to be.
kernels() {
  local src=$root/functions/inference/kernels/cuda lib=$dest/lib/libvideosdgx_kernels_cuda.so sum
  sum=$(cat "$src"/*.{h,cc,cu,cuh,sh} | sha256sum | cut -d' ' -f1)
  [[ -f $lib && $(cat "$lib.source" 2>/dev/null) == "$sum" ]] && return 0
  "$here/nvcc.sh"
  say "compiling the GPU operators (a few minutes)"
  "$src/build.sh" "$lib.new"
  mv "$lib.new" "$lib"
  printf '%s\n' "$sum" >"$lib.source"
}

libraries
kernels
[[ -e /proc/driver/nvidia/version || -e /dev/nvidiactl || -e /dev/dxg ]] ||
  say "there is no NVIDIA driver on this machine: functions run on the CPU until there is one (580 or newer)"
say "done; videosdgx doctor shows what fits"
