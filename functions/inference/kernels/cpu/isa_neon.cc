#define VDX_NAME "neon"
#define VDX_SYMBOL isa_neon
#define VDX_LANES 4
#define VDX_ROW_VECTORS 4
#define VDX_INT_VECTORS 2
#define VDX_SUPPORTED true
#include "isa.h"
