#define VDX_NAME "avxvnni"
#define VDX_SYMBOL isa_avxvnni
#define VDX_LANES 8
#define VDX_ROW_VECTORS 2
#define VDX_INT_VECTORS 1
#define VDX_SUPPORTED __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c() && has_avxvnni()
#include "cpu.h"
#include "isa.h"
