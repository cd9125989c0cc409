// Attention of whole sequences on Hopper (compute capability 9.0), as functions of device pointers: softmax(q·kᵀ·scale)·v without a mask, for
// any number of queries and of keys. The operator over them is in attention_op.cc. bench/gpu/attention checks and
// times them: 9.1 to 9.7 ms for 12 heads of 32,760 queries and keys in BF16 on an H200 where cuDNN takes 11.6, with codes 8.0 to 8.3; few keys (512) are
// cuDNN's, 0.18 ms for 0.24.
#pragma once
#include "op.h"

namespace videosdgx {

// Scores says how q·kᵀ is computed: in the inputs' type with sums in float32, or from INT8 codes with a scale for every query and for
// every block of keys, after the keys' mean over tokens is taken away, which softmax does not see.
enum class Scores { exact, int8 };

// Heads is a tensor [batch, tokens, heads, head]: elements of a head lie side by side, the other strides are in elements.
struct Heads {
  const void* at = nullptr;
  int64_t batch_stride = 0, token_stride = 0, head_stride = 0;
};

struct AttentionArgs {
  Heads q, k, v, out;  // all of one type, BF16 or FP16; addresses and strides are multiples of 16 bytes. out is written
  int64_t batch = 1, q_tokens = 0, k_tokens = 0, heads = 1, head = 128;
  float scale = 0;     // above 0; usually 1/√head
  Scores scores = Scores::exact;
  void* workspace = nullptr;  // of attention_workspace bytes, 256-byte aligned; may be null where that is 0
};

// packed_heads is the view of a tensor [batch, tokens, heads·head] without gaps.
Heads packed_heads(const void* at, int64_t tokens, int64_t heads, int64_t head);

// attention_runs_on says whether there is a kernel: capability 90, heads of 128 or, exact only, of 64.
bool attention_runs_on(int capability, int64_t head, ONNXTensorElementDataType t, Scores scores);

// attention_workspace is the number of bytes of device memory that a call needs besides its tensors.
size_t attention_workspace(const AttentionArgs& a);

// attention queues the kernels on s. It throws where there is none for these arguments.
void attention(const AttentionArgs& a, ONNXTensorElementDataType t, cudaStream_t s);

}  // namespace videosdgx
