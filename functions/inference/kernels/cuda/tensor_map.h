// The maker of tensor maps, by which Hopper's copying unit knows tensors.
#pragma once
#include <cuda.h>

namespace videosdgx {

// tensor_map_encoder is the driver's; it is asked for through the runtime, so that nothing here is linked with the driver. Throws where it
// has none.
decltype(&cuTensorMapEncodeTiled) tensor_map_encoder();

}  // namespace videosdgx
