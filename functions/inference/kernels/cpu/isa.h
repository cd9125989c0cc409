// The body of a translation unit for one instruction set: VDX_NAME, VDX_SYMBOL, VDX_LANES, VDX_ROW_VECTORS (vectors of
// rows of a float panel), VDX_INT_VECTORS and VDX_SUPPORTED are defined by the file that includes it; VDX_AMX too where tiles are used.
#include "linear.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace vdx {
namespace {
#include "vec.h"
#include "decode.h"
#include "exact.h"
#include "wide.h"
#include "dot.h"
#include "dynamic.h"
#include "conv_body.h"
#include "norm_body.h"
#if defined(VDX_AMX)
#include "amx.h"
#define VDX_EXACT amx_kernel
#define VDX_WIDE amx_kernel
#else
#define VDX_EXACT exact_kernel
#define VDX_WIDE wide_kernel
#endif
bool supported() { return VDX_SUPPORTED; }
}  // namespace
extern const Isa VDX_SYMBOL;
const Isa VDX_SYMBOL = {VDX_NAME, supported, &VDX_EXACT, &VDX_WIDE, &dynamic_kernel, &conv_kernel, norm_rows};
}  // namespace vdx
