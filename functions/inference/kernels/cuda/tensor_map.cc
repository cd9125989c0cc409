#include "tensor_map.h"

#include <stdexcept>

#include "op.h"

namespace videosdgx {

decltype(&cuTensorMapEncodeTiled) tensor_map_encoder() {
  static const auto f = [] {
    void* p = nullptr;
    cudaDriverEntryPointQueryResult found;
    check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &p, 12000, cudaEnableDefault, &found), "cuTensorMapEncodeTiled");
    if (!p || found != cudaDriverEntryPointSuccess) throw std::runtime_error("the driver has no cuTensorMapEncodeTiled; one of CUDA 12 or later does");
    return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(p);
  }();
  return f;
}

}  // namespace videosdgx
