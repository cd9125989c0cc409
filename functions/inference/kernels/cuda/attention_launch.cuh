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

// Split says how the clusters of a kernel share the work: those that would be a last wave, filling a part of the chip, take parts of the keys
// instead, so that they fill it.
struct Split {
  int clusters, whole, parts;
  int beyond() const { return clusters - whole; }  // with parts each
};
Split split(const AttentionArgs& a, int queries, int keys, int at_once);

template <class Tile>
cudaLaunchConfig_t launch_of(int clusters, cudaLaunchAttribute* cluster, cudaStream_t s) {
  cluster->id = cudaLaunchAttributeClusterDimension;
  cluster->val.clusterDim.x = Tile::blocks, cluster->val.clusterDim.y = cluster->val.clusterDim.z = 1;
  cudaLaunchConfig_t c{};
  c.gridDim = clusters * Tile::blocks, c.blockDim = 384, c.dynamicSmemBytes = Tile::shared_bytes, c.stream = s, c.attrs = cluster, c.numAttrs = 1;
  return c;
}

template <class Tile>
Split split_of(const AttentionArgs& a) {
  check(cudaFuncSetAttribute(attention_kernel<Tile>, cudaFuncAttributeMaxDynamicSharedMemorySize, Tile::shared_bytes), "shared memory of attention");
  cudaLaunchAttribute cluster;
  const cudaLaunchConfig_t config = launch_of<Tile>(1, &cluster, nullptr);
  int at_once = 0;
  check(cudaOccupancyMaxActiveClusters(&at_once, attention_kernel<Tile>, &config), "blocks at once");
  return split(a, Tile::queries * Tile::blocks, Tile::keys, at_once);
}

// part_bytes is the work space that a split needs.
template <class Tile>
size_t part_bytes(const Split& s) {
  return s.parts > 1 ? size_t(s.beyond()) * s.parts * Tile::blocks * Tile::queries * (Tile::head * sizeof(float) + sizeof(float2)) : 0;
}

// launch takes q and k as they are to be multiplied: codes where Tile has them, with their scales in shape. parts are part_bytes.
template <class Tile>
void launch(const AttentionArgs& a, const Heads& q, const Heads& k, AttentionShape shape, void* parts, cudaStream_t s) {
  constexpr auto type = map_type<typename Tile::T>(), score_type = Tile::codes ? CU_TENSOR_MAP_DATA_TYPE_UINT8 : type;
  const int score_bytes = Tile::codes ? 1 : 2;
  const CUtensorMap mq = tensor_map(q, a.batch, a.q_tokens, a.heads, a.head, score_bytes, score_type, Tile::queries);
  const CUtensorMap mk = tensor_map(k, a.batch, a.k_tokens, a.heads, a.head, score_bytes, score_type, Tile::keys / Tile::blocks);
  const CUtensorMap mv = tensor_map(a.v, a.batch, a.k_tokens, a.heads, a.head, 2, type, Tile::keys / Tile::blocks);
  const CUtensorMap mo = tensor_map(a.out, a.batch, a.q_tokens, a.heads, a.head, 2, type, 64);
  const Split split = split_of<Tile>(a);
  constexpr int queries = Tile::blocks * Tile::queries;
  shape.scale = std::max(shape.scale, kLeastFactor);
  shape.whole = split.whole, shape.parts = split.parts, shape.part_sums = static_cast<float*>(parts);
  shape.part_rows = reinterpret_cast<float2*>(shape.part_sums + int64_t(split.beyond()) * split.parts * queries * Tile::head);
  cudaLaunchAttribute cluster;
  const cudaLaunchConfig_t config = launch_of<Tile>(split.whole + split.beyond() * split.parts, &cluster, s);
  check(cudaLaunchKernelEx(&config, attention_kernel<Tile>, mq, mk, mv, mo, shape), "attention");
  if (split.parts == 1) return;
  join_kernel<Tile><<<split.beyond() * queries / 8, 256, 0, s>>>(a.out, shape);
  check(cudaGetLastError(), "attention's parts");
}

}  // namespace videosdgx::attention_parts
