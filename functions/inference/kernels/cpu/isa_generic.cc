#define VDX_NAME "generic"
#define VDX_SYMBOL isa_generic
#define VDX_LANES 4
#define VDX_ROW_VECTORS 2
#define VDX_INT_VECTORS 1
#define VDX_SUPPORTED true
#include "isa.h"
