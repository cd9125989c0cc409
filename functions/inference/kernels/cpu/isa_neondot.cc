#define VDX_NAME "neondot"
#define VDX_SYMBOL isa_neondot
#define VDX_LANES 4
#define VDX_ROW_VECTORS 4
#define VDX_INT_VECTORS 2
#define VDX_SUPPORTED has_dotprod()
#include "cpu.h"
#include "isa.h"
