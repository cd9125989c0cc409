// Hopper's instructions that C++ has no words for: barriers in shared memory, tensor copies, products of a warpgroup. A warpgroup is
// 128 threads; all of them take part in each product.
#pragma once
#include <cuda.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

#include <type_traits>

// True where the code is compiled for Hopper, with the instructions that no later chip has.
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define VIDEOSDGX_HOPPER 1
#else
#define VIDEOSDGX_HOPPER 0
#endif

namespace videosdgx::hopper {

__device__ __forceinline__ uint32_t shared_address(const void* p) { return uint32_t(__cvta_generic_to_shared(p)); }

// A barrier is done when it has got its arrivals and the bytes that were announced; then its phase, 0 or 1, turns.
__device__ __forceinline__ void barrier_init(uint32_t bar, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(bar), "r"(arrivals) : "memory");
}
__device__ __forceinline__ void barriers_visible() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
__device__ __forceinline__ void arrive(uint32_t bar) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(bar) : "memory"); }
__device__ __forceinline__ void arrive_expecting(uint32_t bar, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(bar), "r"(bytes) : "memory");
}
__device__ __forceinline__ void wait(uint32_t bar, int phase) {
  asm volatile(
      "{\n.reg .pred done;\n"
      "again:\nmbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@done bra over;\nbra again;\nover:\n}" ::"r"(bar), "r"(phase) : "memory");
}

// arrived says whether a phase is over, without a wait.
__device__ __forceinline__ bool arrived(uint32_t bar, int phase) {
  uint32_t done;
  asm volatile("{\n.reg .pred p;\nmbarrier.test_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}" : "=r"(done) : "r"(bar), "r"(phase) : "memory");
  return done;
}

// A cluster is a few blocks that run at once and see each other's shared memory.
__device__ __forceinline__ int rank_in_cluster() {
  int r;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));
  return r;
}
__device__ __forceinline__ void meet_cluster() {
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}
// arrive_at is arrive at the same barrier of another block.
__device__ __forceinline__ void arrive_at(uint32_t bar, int rank) {
  asm volatile("{\n.reg .b32 there;\nmapa.shared::cluster.u32 there, %0, %1;\nmbarrier.arrive.shared::cluster.b64 _, [there];\n}" ::"r"(bar), "r"(rank)
               : "memory");
}

// Barriers by number, of which a block has 16: so many threads meet at one.
__device__ __forceinline__ void meet(int id, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
__device__ __forceinline__ void announce(int id, int threads) { asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory"); }

// The coordinates of a tensor copy: element of a head, head, token, batch.
__device__ __forceinline__ void load(uint32_t to, const CUtensorMap* map, uint32_t bar, int element, int head, int token, int batch) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2];" ::"r"(to), "l"(map),
               "r"(bar), "r"(element), "r"(head), "r"(token), "r"(batch)
               : "memory");
}
// load_all brings it to the same place in every block of `blocks`, a bit each, and tells the same barrier there.
__device__ __forceinline__ void load_all(uint16_t blocks, uint32_t to, const CUtensorMap* map, uint32_t bar, int element, int head, int token, int batch) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%3, %4, %5, %6}], [%2], %7;" ::"r"(to),
      "l"(map), "r"(bar), "r"(element), "r"(head), "r"(token), "r"(batch), "h"(blocks)
      : "memory");
}
// The same of a matrix.
__device__ __forceinline__ void load(uint32_t to, const CUtensorMap* map, uint32_t bar, int column, int row) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" ::"r"(to), "l"(map), "r"(bar),
               "r"(column), "r"(row)
               : "memory");
}
__device__ __forceinline__ void store(const CUtensorMap* map, uint32_t from, int element, int head, int token, int batch) {
  asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];" ::"l"(map), "r"(from), "r"(element), "r"(head),
               "r"(token), "r"(batch)
               : "memory");
}
// stored waits until what was stored may be overwritten in shared memory.
__device__ __forceinline__ void stored() { asm volatile("cp.async.bulk.commit_group;\ncp.async.bulk.wait_group.read 0;" ::: "memory"); }
// load_left brings 16 rows of 32 bytes into the registers of a warp, as the left side of a product has them: lane i gives the address of
// 16 bytes of row i % 16, the second ones from lane 16 on.
__device__ __forceinline__ void load_left(uint32_t* a, uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3]) : "r"(address) : "memory");
}
// Before a tensor copy reads what threads wrote.
__device__ __forceinline__ void writes_visible_to_copies() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

template <int registers>
__device__ __forceinline__ void more_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(registers));
}
template <int registers>
__device__ __forceinline__ void fewer_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(registers));
}

// The descriptor of a matrix in shared memory whose rows are 128 bytes, stored in groups of 8 rows with their 16-byte pieces exchanged
// (piece ^ row % 8), as a tensor copy with CU_TENSOR_MAP_SWIZZLE_128B lays them. panel is the distance of the next 64 columns where the
// product's inner dimension is that of the rows (V); it means nothing otherwise. A step within the matrix adds its bytes / 16.
__device__ __forceinline__ uint64_t matrix(uint32_t address, int panel = 16) {
  return uint64_t(1) << 62 | uint64_t(1024 >> 4) << 32 | uint64_t((panel >> 4) & 0x3fff) << 16 | (address >> 4 & 0x3fff);
}

// The same of a matrix whose rows are 64 bytes: their pieces are exchanged by the address, bits 4 and 5 with bits 7 and 8 by an
// exclusive or, as CU_TENSOR_MAP_SWIZZLE_64B lays them. groups is the distance of groups of 8 rows in bytes. Since it is the address
// that tells, the matrix may begin at any row, and groups may have other rows between them.
__device__ __forceinline__ uint64_t narrow_matrix(uint32_t address, uint32_t groups) {
  return uint64_t(2) << 62 | uint64_t(groups >> 4) << 32 | uint64_t(1) << 16 | (address >> 4 & 0x3fff);
}

__device__ __forceinline__ void products_begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void products_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
// products_wait waits until at most `pending` groups of this warpgroup's are under way.
template <int pending>
__device__ __forceinline__ void products_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}

// settled keeps the compiler from reading sums before the wait in front of it.
template <int n>
__device__ __forceinline__ void settled(float (&d)[n]) {
#pragma unroll
  for (int i = 0; i < n; i++) asm volatile("" : "+f"(d[i])::"memory");
}
template <int n>
__device__ __forceinline__ void settled(uint32_t (&d)[n]) {
#pragma unroll
  for (int i = 0; i < n; i++) asm volatile("" : "+r"(d[i])::"memory");
}

// Product<N> adds to d, a part of [64, N]: of thread t, row t/32·16 + t%32/4, columns 8j + t%4·2 and one more are d[4j], d[4j + 1];
// d[4j + 2], d[4j + 3] are of the row 8 below. With add = 0 it overwrites d.
//   both    a [64, 16] and b [N, 16] in shared memory, along their rows
//   held    the same, a in registers; held_codes of INT8, [64, 32] and [N, 32], and d has the bits of int32
//   left    a in registers, as d lies there when two floats at a time become 16 bits; b [16, N], across its rows
template <int N>
struct Product;

#define VIDEOSDGX_TEN(t) "%" #t "0,%" #t "1,%" #t "2,%" #t "3,%" #t "4,%" #t "5,%" #t "6,%" #t "7,%" #t "8,%" #t "9"
#define VIDEOSDGX_R32 VIDEOSDGX_TEN() "," VIDEOSDGX_TEN(1) "," VIDEOSDGX_TEN(2) ",%30,%31"
#define VIDEOSDGX_R40 VIDEOSDGX_TEN() "," VIDEOSDGX_TEN(1) "," VIDEOSDGX_TEN(2) "," VIDEOSDGX_TEN(3)
#define VIDEOSDGX_R48 VIDEOSDGX_R40 ",%40,%41,%42,%43,%44,%45,%46,%47"
#define VIDEOSDGX_R64 VIDEOSDGX_R40 "," VIDEOSDGX_TEN(4) "," VIDEOSDGX_TEN(5) ",%60,%61,%62,%63"
#define VIDEOSDGX_R72 VIDEOSDGX_R64 ",%64,%65,%66,%67,%68,%69,%70,%71"
#define VIDEOSDGX_R80 VIDEOSDGX_R40 "," VIDEOSDGX_TEN(4) "," VIDEOSDGX_TEN(5) "," VIDEOSDGX_TEN(6) "," VIDEOSDGX_TEN(7)
#define VIDEOSDGX_R88 VIDEOSDGX_R80 ",%80,%81,%82,%83,%84,%85,%86,%87"
#define VIDEOSDGX_R96 VIDEOSDGX_R88 ",%88,%89,%90,%91,%92,%93,%94,%95"
#define VIDEOSDGX_F4(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define VIDEOSDGX_I4(d, i) "+r"(d[i]), "+r"(d[i + 1]), "+r"(d[i + 2]), "+r"(d[i + 3])
#define VIDEOSDGX_8(m, d, i) m(d, i), m(d, i + 4)
#define VIDEOSDGX_32(m, d, i) VIDEOSDGX_8(m, d, i), VIDEOSDGX_8(m, d, i + 8), VIDEOSDGX_8(m, d, i + 16), VIDEOSDGX_8(m, d, i + 24)
#define VIDEOSDGX_O8(m, d) m(d, 0)
#define VIDEOSDGX_O64(m, d) VIDEOSDGX_32(m, d, 0)
#define VIDEOSDGX_O128(m, d) VIDEOSDGX_32(m, d, 0), VIDEOSDGX_32(m, d, 32)
#define VIDEOSDGX_O144(m, d) VIDEOSDGX_O128(m, d), VIDEOSDGX_8(m, d, 64)
#define VIDEOSDGX_O160(m, d) VIDEOSDGX_O128(m, d), VIDEOSDGX_8(m, d, 64), VIDEOSDGX_8(m, d, 72)
#define VIDEOSDGX_O176(m, d) VIDEOSDGX_O160(m, d), VIDEOSDGX_8(m, d, 80)
#define VIDEOSDGX_O96(m, d) VIDEOSDGX_O64(m, d), VIDEOSDGX_8(m, d, 32), VIDEOSDGX_8(m, d, 40)
#define VIDEOSDGX_O192(m, d) VIDEOSDGX_O128(m, d), VIDEOSDGX_32(m, d, 64)
#define VIDEOSDGX_WITH(add) "{\n.reg .pred p;\nsetp.ne.b32 p, " add ", 0;\nwgmma.mma_async.sync.aligned.m64n"

// n0… are the numbers of the operands behind d's.
#define VIDEOSDGX_PRODUCT(N, R, O, n0, n1, n2, n3, n4, n5)                                                                                   \
  template <>                                                                                                                                \
  struct Product<N> {                                                                                                                        \
    template <class T>                                                                                                                       \
    static __device__ __forceinline__ void both(float (&d)[N / 2], uint64_t a, uint64_t b, int add) {                                        \
      if constexpr (std::is_same_v<T, __half>)                                                                                               \
        asm volatile(VIDEOSDGX_WITH(n2) #N "k16.f32.f16.f16 {" R "}, " n0 ", " n1 ", p, 1, 1, 0, 0;\n}"                                      \
                     : O(VIDEOSDGX_F4, d) : "l"(a), "l"(b), "r"(add));                                                                       \
      else                                                                                                                                   \
        asm volatile(VIDEOSDGX_WITH(n2) #N "k16.f32.bf16.bf16 {" R "}, " n0 ", " n1 ", p, 1, 1, 0, 0;\n}"                                    \
                     : O(VIDEOSDGX_F4, d) : "l"(a), "l"(b), "r"(add));                                                                       \
    }                                                                                                                                        \
    template <class T>                                                                                                                       \
    static __device__ __forceinline__ void held(float (&d)[N / 2], const uint32_t* a, uint64_t b, int add) {                                 \
      if constexpr (std::is_same_v<T, __half>)                                                                                               \
        asm volatile(VIDEOSDGX_WITH(n5) #N "k16.f32.f16.f16 {" R "}, {" n0 "," n1 "," n2 "," n3 "}, " n4 ", p, 1, 1, 0;\n}"                  \
                     : O(VIDEOSDGX_F4, d) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add));                                   \
      else                                                                                                                                   \
        asm volatile(VIDEOSDGX_WITH(n5) #N "k16.f32.bf16.bf16 {" R "}, {" n0 "," n1 "," n2 "," n3 "}, " n4 ", p, 1, 1, 0;\n}"                \
                     : O(VIDEOSDGX_F4, d) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add));                                   \
    }                                                                                                                                        \
    static __device__ __forceinline__ void held_codes(uint32_t (&d)[N / 2], const uint32_t* a, uint64_t b, int add) {                        \
      asm volatile(VIDEOSDGX_WITH(n5) #N "k32.s32.s8.s8 {" R "}, {" n0 "," n1 "," n2 "," n3 "}, " n4 ", p;\n}"                               \
                   : O(VIDEOSDGX_I4, d) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add));                                     \
    }                                                                                                                                        \
    template <class T>                                                                                                                       \
    static __device__ __forceinline__ void left(float (&d)[N / 2], const uint32_t* a, uint64_t b, int add) {                                 \
      if constexpr (std::is_same_v<T, __half>)                                                                                               \
        asm volatile(VIDEOSDGX_WITH(n5) #N "k16.f32.f16.f16 {" R "}, {" n0 "," n1 "," n2 "," n3 "}, " n4 ", p, 1, 1, 1;\n}"                  \
                     : O(VIDEOSDGX_F4, d) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add));                                   \
      else                                                                                                                                   \
        asm volatile(VIDEOSDGX_WITH(n5) #N "k16.f32.bf16.bf16 {" R "}, {" n0 "," n1 "," n2 "," n3 "}, " n4 ", p, 1, 1, 1;\n}"                \
                     : O(VIDEOSDGX_F4, d) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add));                                   \
    }                                                                                                                                        \
  };

VIDEOSDGX_PRODUCT(8, "%0,%1,%2,%3", VIDEOSDGX_O8, "%4", "%5", "%6", "%7", "%8", "%9")
VIDEOSDGX_PRODUCT(64, VIDEOSDGX_R32, VIDEOSDGX_O64, "%32", "%33", "%34", "%35", "%36", "%37")
VIDEOSDGX_PRODUCT(96, VIDEOSDGX_R48, VIDEOSDGX_O96, "%48", "%49", "%50", "%51", "%52", "%53")
VIDEOSDGX_PRODUCT(128, VIDEOSDGX_R64, VIDEOSDGX_O128, "%64", "%65", "%66", "%67", "%68", "%69")
VIDEOSDGX_PRODUCT(144, VIDEOSDGX_R72, VIDEOSDGX_O144, "%72", "%73", "%74", "%75", "%76", "%77")
VIDEOSDGX_PRODUCT(160, VIDEOSDGX_R80, VIDEOSDGX_O160, "%80", "%81", "%82", "%83", "%84", "%85")
VIDEOSDGX_PRODUCT(176, VIDEOSDGX_R88, VIDEOSDGX_O176, "%88", "%89", "%90", "%91", "%92", "%93")
VIDEOSDGX_PRODUCT(192, VIDEOSDGX_R96, VIDEOSDGX_O192, "%96", "%97", "%98", "%99", "%100", "%101")

}  // namespace videosdgx::hopper
