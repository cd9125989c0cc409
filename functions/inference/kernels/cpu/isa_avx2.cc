#define VDX_NAME "avx2"
#define VDX_SYMBOL isa_avx2
#define VDX_LANES 8
#define VDX_ROW_VECTORS 2
#define VDX_INT_VECTORS 1
#define VDX_SUPPORTED __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()
#include "cpu.h"
#include "isa.h"
