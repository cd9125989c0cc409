#!/usr/bin/env bash
# Builds the check and the timing of Hopper's convolutions for a GPU of sm_90, on any machine.   build.sh OUT
. "$(dirname "$0")/../sm90.sh"
compile "$kernels/conv.cu" -Dconv_hopper=conv_never # the plain ones alone
compile "$kernels/conv_hopper.cu"
compile "$kernels/tensor_map.cc" -x c++
compile "$here/main.cu"
link
