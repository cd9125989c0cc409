#define VDX_NAME "amx"
#define VDX_SYMBOL isa_amx
#define VDX_LANES 16
#define VDX_ROW_VECTORS 4
#define VDX_INT_VECTORS 2
#define VDX_SUPPORTED __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && has_amx()
#define VDX_AMX
#include "cpu.h"
#include "isa.h"
