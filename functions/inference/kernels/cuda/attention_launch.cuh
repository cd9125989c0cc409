// Launching attention_kernel: tensor maps and the grid.
#pragma once
#include <algorithm>
#include <limits>

#include "attention.cuh"
#include "attention.h"

namespace videosdgx::attention_parts {

// tensor_map describes a tensor of which copies bring 128 bytes of `tokens` tokens of a head at a time; bytes is an element's size. What
// lies behind the last token reads as zeros and is not written.
CUtensorMap tensor_map(const Heads& t, int64_t batch, int64_t tokens, int64_t heads, int64_t head, int bytes, CUtensorMapDataType type, int box_tokens);

template <class T>
constexpr CUtensorMapDataType map_type() {
  return std::is_same_v<T, __half> ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
}

// launch takes q and k as they are to be multiplied: codes where Tile has them, with their scales in shape.
template <class Tile>
void launch(const AttentionArgs& a, const Heads& q, const Heads& k, const AttentionShape& shape, cudaStream_t s) {
  constexpr auto type = map_type<typename Tile::T>(), score_type = Tile::codes ? CU_TENSOR_MAP_DATA_TYPE_UINT8 : type;
  const int score_bytes = Tile::codes ? 1 : 2;
  const CUtensorMap mq = tensor_map(q, a.batch, a.q_tokens, a.heads, a.head, score_bytes, score_type, Tile::queries);
  const CUtensorMap mk = tensor_map(k, a.batch, a.k_tokens, a.heads, a.head, score_bytes, score_type, Tile::keys);
  const CUtensorMap mv = tensor_map(a.v, a.batch, a.k_tokens, a.heads, a.head, 2, type, Tile::keys);
  const CUtensorMap mo = tensor_map(a.out, a.batch, a.q_tokens, a.heads, a.head, 2, type, 64);
  const auto kernel = attention_kernel<Tile>;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Tile::shared_bytes), "shared memory of attention");
  const dim3 grid((a.q_tokens + Tile::queries - 1) / Tile::queries, a.heads, a.batch);
  kernel<<<grid, 384, Tile::shared_bytes, s>>>(mq, mk, mv, mo, shape);
  check(cudaGetLastError(), "attention");
}

}  // namespace videosdgx::attention_parts
