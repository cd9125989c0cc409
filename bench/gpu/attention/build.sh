#!/usr/bin/env bash
# Builds the check and the timing of Hopper's attention for a GPU of sm_90, on any machine.   build.sh OUT
. "$(dirname "$0")/../sm90.sh"
for f in "$here/main.cu" "$kernels"/attention.cu "$kernels"/attention_codes.cu; do compile "$f"; done
for f in "$kernels"/tensor_map.cc "$kernels"/op.cc; do compile "$f" -x c++; done
link
