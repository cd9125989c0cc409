// The INT8 codes of queries and keys that attention multiplies instead of them.
#pragma once
#include "attention.h"

namespace videosdgx {

// ScoreCodes are parts of a work space.
struct ScoreCodes {
  int8_t *q, *k;      // [batch, tokens, heads, 128]
  float* q_scales;    // [batch, q_tokens, heads]: a query's scale · AttentionArgs::scale · log2(e)
  float* k_scales;    // [batch, heads, tiles]
  float* k_mean;      // [batch, heads, 128]
  size_t bytes;       // of the work space
};

// score_codes lays them into a.workspace; tiles of `keys` keys have a scale each.
ScoreCodes score_codes(const AttentionArgs& a, int keys);

// make_score_codes queues the passes that fill them: k has a mean over tokens taken away first (of every n-th one, 2,048 at least where
// there are as many; any constant would do, softmax does not see it).
void make_score_codes(const AttentionArgs& a, ONNXTensorElementDataType t, const ScoreCodes& c, int keys, cudaStream_t s);

}  // namespace videosdgx
