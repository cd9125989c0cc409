#!/usr/bin/env bash
# Brings the CUDA compiler that builds this project's GPU operators, as pinned wheels, into /opt/videosdgx/nvcc: no CUDA
# installation and no GPU is needed. Only `make setup-gpu` uses it; what it makes is one library.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/wheels.sh"
dest=${VIDEOSDGX_CUDA_TOOLKIT:-/opt/videosdgx/nvcc}
[[ -x $dest/bin/nvcc && -f $dest/include/cublasLt.h ]] && exit 0
have g++ || install_packages g++
parent=$(dirname "$dest")
mkdir -p "$parent" 2>/dev/null && [[ -w $parent ]] || die "cannot write to $parent; run: sudo make setup-gpu"
new=$(mktemp -d "$parent/.nvcc-XXXXXX"); trap 'rm -rf "$new"' EXIT
wheel nvidia-cuda-nvcc 13.0.88 56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03 c7ff28f86a24effdc6c034fa15230c549a273e4771b10a7fec14996f8cf3307f "$new"
wheel nvidia-nvvm 13.0.88 c5f41ffeb6466944a026dfa5317d7d85355c119bbec279205d22f1869d1054e0 c4376a291d72d22a315d9d2f69bdae8f8cd83a627f75bad395cee49a0fe65dc1 "$new"
wheel nvidia-cuda-crt 13.0.88 2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4 ee2ea2a97073e02ee62bb27841f437332be2c248e3eac013df07997ada39c003 "$new"
wheel nvidia-cuda-runtime 13.0.96 7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548 ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55 "$new"
wheel nvidia-cuda-cccl 13.0.85 e0da7ad981f3a8aff08241b5bfc1af868742a63e2762f53a5171c492ef242649 6f0203e29fed809ee2b7fe9b1344df66ecab990c37d6a2e0e189b26d6c97ed7c "$new"
wheel nvidia-cublas 13.1.0.3 ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171 c86fc7f7ae36d7528288c5d88098edcb7b02c633d262e7ddbb86b0ad91be5df2 "$new"
rm -f "$new"/nvidia/cu13/lib/libcublas* "$new"/nvidia/cu13/lib/libnvblas* # its headers alone
chmod +x "$new"/nvidia/cu13/bin/* "$new"/nvidia/cu13/nvvm/bin/*
chmod 755 "$new/nvidia/cu13"
rm -rf "$dest"
mv "$new/nvidia/cu13" "$dest"
