#include "attention.h"

#include "attention_codes.h"
#include "attention_launch.cuh"
#include "tensor_map.h"

namespace videosdgx {
namespace attention_parts {

namespace {

constexpr int kPartTiles = 8, kMostParts = 8;  // a part has 8 tiles of keys or more: it costs some microseconds to join

}  // namespace

CUtensorMap tensor_map(const Heads& t, int64_t batch, int64_t tokens, int64_t heads, int64_t head, int bytes, CUtensorMapDataType type, int box_tokens) {
  const cuuint64_t dims[] = {cuuint64_t(head), cuuint64_t(heads), cuuint64_t(tokens), cuuint64_t(batch)};
  const cuuint64_t strides[] = {cuuint64_t(t.head_stride * bytes), cuuint64_t(t.token_stride * bytes), cuuint64_t(t.batch_stride * bytes)};
  const cuuint32_t box[] = {cuuint32_t(128 / bytes), 1, cuuint32_t(box_tokens), 1}, every[] = {1, 1, 1, 1};
  CUtensorMap m;
  const CUresult r = tensor_map_encoder()(&m, type, 4, const_cast<void*>(t.at), dims, strides, box, every, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                               CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (r != CUDA_SUCCESS)
    throw std::runtime_error("no tensor map (error " + std::to_string(int(r)) + ") of [" + std::to_string(batch) + ", " + std::to_string(tokens) + ", " +
                             std::to_string(heads) + ", " + std::to_string(head) + "]: addresses and strides must be multiples of 16 bytes");
  return m;
}

// The time is that of whole waves and one divided by parts; what lies beyond stays whole where no parts would fit.
Split split(const AttentionArgs& a, int queries, int keys, int at_once) {
  const int clusters = int((a.q_tokens + queries - 1) / queries * a.heads * a.batch), tiles = int((a.k_tokens + keys - 1) / keys);
  const int beyond = at_once > 0 ? clusters % at_once : 0;
  const int parts = beyond ? std::min({at_once / beyond, tiles / kPartTiles, kMostParts}) : 1;
  return parts > 1 ? Split{clusters, clusters - beyond, parts} : Split{clusters, clusters, 1};
}

}  // namespace attention_parts

namespace {

constexpr float kLog2E = 1.4426950408889634f;

template <class T, int head>
using ExactTile = AttentionTile<T, head, 128, 2, false, 2>;
template <class T>
using CodeTile = AttentionTile<T, 128, 160, 2, true, 2, false>;

template <class Tile>
void exact(const AttentionArgs& a, cudaStream_t s) {
  attention_parts::launch<Tile>(a, a.q, a.k, {int(a.q_tokens), int(a.k_tokens), int(a.heads), a.scale * kLog2E, nullptr, nullptr}, a.workspace, s);
}

template <class Tile>
void coded(const AttentionArgs& a, ONNXTensorElementDataType t, cudaStream_t s) {
  const ScoreCodes c = score_codes(a, Tile::keys);
  make_score_codes(a, t, c, Tile::keys, s);
  attention_parts::launch<Tile>(a, packed_heads(c.q, a.q_tokens, a.heads, a.head), packed_heads(c.k, a.k_tokens, a.heads, a.head),
                                {int(a.q_tokens), int(a.k_tokens), int(a.heads), 1, c.q_scales, c.k_scales}, static_cast<char*>(a.workspace) + c.bytes, s);
}

// What a tile of T takes does not depend on T.
template <class Tile>
size_t workspace_of(const AttentionArgs& a) {
  return attention_parts::part_bytes<Tile>(attention_parts::split_of<Tile>(a)) + (Tile::codes ? score_codes(a, Tile::keys).bytes : 0);
}

template <class T>
void of_type(const AttentionArgs& a, ONNXTensorElementDataType t, cudaStream_t s) {
  if (a.scores == Scores::int8) coded<CodeTile<T>>(a, t, s);
  else if (a.head == 128) exact<ExactTile<T, 128>>(a, s);
  else exact<ExactTile<T, 64>>(a, s);
}

}  // namespace

Heads packed_heads(const void* at, int64_t tokens, int64_t heads, int64_t head) { return {at, tokens * heads * head, heads * head, head}; }

bool attention_runs_on(int capability, int64_t head, ONNXTensorElementDataType t, Scores scores) {
  return capability == 90 && (t == kBFloat16 || t == kHalf) && (head == 128 || (head == 64 && scores == Scores::exact));
}

size_t attention_workspace(const AttentionArgs& a) {
  using T = __nv_bfloat16;
  if (a.batch <= 0 || a.heads <= 0 || a.q_tokens <= 0 || a.k_tokens <= 0) return 0;
  return a.scores == Scores::int8 ? workspace_of<CodeTile<T>>(a) : a.head == 128 ? workspace_of<ExactTile<T, 128>>(a) : workspace_of<ExactTile<T, 64>>(a);
}

void attention(const AttentionArgs& a, ONNXTensorElementDataType t, cudaStream_t s) {
  if (a.batch <= 0 || a.heads <= 0 || a.q_tokens <= 0) return;
  if (a.k_tokens <= 0) throw std::runtime_error("attention over no keys has no value");
  if (!(a.scale > 0 && a.scale < std::numeric_limits<float>::infinity())) throw std::runtime_error("the scale of attention must be above 0 and finite");
  if (std::max(a.q_tokens, a.k_tokens) > std::numeric_limits<int>::max() / 2 || a.heads > 65535 || a.batch > 65535)
    throw std::runtime_error("attention takes up to 65,535 heads and as many batches");
  if (t == kHalf) of_type<__half>(a, t, s);
  else if (t == kBFloat16) of_type<__nv_bfloat16>(a, t, s);
  else throw std::runtime_error("attention is of bfloat16 or float16");
}

}  // namespace videosdgx
