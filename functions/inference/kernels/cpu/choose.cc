#include <cstdlib>
#include <cstring>

#include "linear.h"

namespace vdx {

#if defined(__x86_64__)
extern const Isa isa_avx2, isa_avxvnni, isa_avx512, isa_avx512vnni, isa_amx, isa_amxsoft;
#elif defined(__aarch64__)
extern const Isa isa_neon, isa_neondot;
#endif
extern const Isa isa_generic;

static const Isa* const best_first[] = {
#if defined(__x86_64__)
    &isa_avx512vnni, &isa_avx512, &isa_avxvnni, &isa_avx2,
#elif defined(__aarch64__)
    &isa_neondot, &isa_neon,
#endif
    &isa_generic,
#if defined(__x86_64__)
    // Only by their names: the tiles have not run on a machine that has them yet; the other is for tests.
    &isa_amx, &isa_amxsoft,
#endif
};

const Isa* choose() {
  const char* want = std::getenv("VIDEOSDGX_KERNELS_ISA");
  for (const Isa* isa : best_first)
    if ((!want || !*want || !std::strcmp(want, isa->name)) && isa->supported()) return isa;
  return nullptr;
}

}  // namespace vdx
