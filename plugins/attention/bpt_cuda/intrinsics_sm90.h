// What kernels for sm_90a use of the hardware: barriers in shared memory, tensor memory copies, products of a
// warpgroup.
#pragma once

#include <cuda.h>

#include <cstdint>
#include <type_traits>

#include "intrinsics.h"

namespace easylm::bpt_cuda {

constexpr int kWarpgroup = 128;  // threads

// ---- barriers in shared memory ----

// A phase of the barrier ends when `count` arrivals came and all bytes that were expected have landed.
__device__ __forceinline__ void mbarrier_init(std::uint64_t* barrier, std::uint32_t count) {
#ifdef __CUDACC__
  EASYLM_ASM("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(count) : "memory");
#else
  emulation::mbarrier_init(barrier, count);
#endif
}

// After all mbarrier_init() of a thread, before a __syncthreads(): copies see the barriers as well.
__device__ __forceinline__ void mbarrier_init_fence() {
#ifdef __CUDACC__
  EASYLM_ASM("fence.mbarrier_init.release.cluster;" ::: "memory");
  EASYLM_ASM("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

__device__ __forceinline__ void mbarrier_arrive(std::uint64_t* barrier) {
#ifdef __CUDACC__
  EASYLM_ASM("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
#else
  emulation::mbarrier_arrive(barrier);
#endif
}

// One arrival that also announces bytes that copies will bring.
__device__ __forceinline__ void mbarrier_arrive_expect(std::uint64_t* barrier, std::uint32_t bytes) {
#ifdef __CUDACC__
  EASYLM_ASM("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
             "r"(bytes)
             : "memory");
#else
  emulation::mbarrier_arrive_expect(barrier, bytes);
#endif
}

// Waits for the end of the phase of this parity; phases count from 0. On a new barrier, parity 1 does not
// wait.
__device__ __forceinline__ void mbarrier_wait(std::uint64_t* barrier, std::uint32_t parity) {
#ifdef __CUDACC__
  std::uint32_t done = 0;
  while (done == 0) {
    EASYLM_ASM(
        "{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
        : "=r"(done)
        : "r"(shared_address(barrier)), "r"(parity)
        : "memory");
  }
#else
  emulation::mbarrier_wait(barrier, parity);
#endif
}

// ---- copies of tiles ----

// Where a tile begins in a tensor of rank 4, innermost dimension first.
struct TileOrigin {
  int x, y, z, w;
};

// Starts copying a tile of `map`'s box to shared memory; its bytes are counted at `barrier`. Outside the
// tensor: zeros.
__device__ __forceinline__ void tma_load_tile(void* shared, const CUtensorMap* map, TileOrigin origin,
                                              std::uint64_t* barrier) {
#ifdef __CUDACC__
  EASYLM_ASM(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, "
      "%5}], [%6];" ::"r"(shared_address(shared)),
      "l"(map), "r"(origin.x), "r"(origin.y), "r"(origin.z), "r"(origin.w), "r"(shared_address(barrier))
      : "memory");
#else
  emulation::load_tile({shared, map, {origin.x, origin.y, origin.z, origin.w}, 4, barrier});
#endif
}

// ---- registers ----

// All threads of a warpgroup: how many registers each has from here on, a multiple of 8.
template <int kRegisters>
__device__ __forceinline__ void give_registers_back() {
#ifdef __CUDACC__
  EASYLM_ASM("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
#else
  emulation::current_warpgroup().set_registers(kRegisters);
#endif
}
template <int kRegisters>
__device__ __forceinline__ void take_registers() {
#ifdef __CUDACC__
  EASYLM_ASM("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
#else
  emulation::current_warpgroup().set_registers(kRegisters);
#endif
}

// ---- products of a warpgroup ----

// A matrix of 16-bit numbers in shared memory, in lines of 64 numbers (128 bytes) whose chunks are swizzled
// as tma_load_tile() leaves them. Groups of 8 lines are 1,024 bytes apart. `leading_bytes`: from 64 columns
// to the next 64, of a matrix whose lines lie across the inner dimension; else unused.
__device__ __forceinline__ std::uint64_t matrix_descriptor(const void* shared, std::uint32_t leading_bytes) {
#ifdef __CUDACC__
  const std::uint32_t address = shared_address(shared);
#else
  const std::uint32_t address = emulation::current_block().shared().address_of(shared);
#endif
  constexpr std::uint64_t kSwizzle128 = 1, kGroupBytes = 1024;
  return (address & 0x3FFFF) >> 4 | static_cast<std::uint64_t>(leading_bytes >> 4) << 16 |
         kGroupBytes >> 4 << 32 | kSwizzle128 << 62;
}

// The compiler takes a product for done when it is issued. These keep it from moving what writes registers
// beyond a following wgmma_fence(), and what reads them before a preceding wgmma_wait().
template <int kRows>
__device__ __forceinline__ void hold_registers([[maybe_unused]] float (&d)[kRows][4]) {
#ifdef __CUDACC__
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    EASYLM_ASM("" : "+f"(d[i][0]), "+f"(d[i][1]), "+f"(d[i][2]), "+f"(d[i][3])::"memory");
  }
#endif
}
template <int kRows>
__device__ __forceinline__ void hold_registers([[maybe_unused]] std::uint32_t (&a)[kRows][4]) {
#ifdef __CUDACC__
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    EASYLM_ASM("" : "+r"(a[i][0]), "+r"(a[i][1]), "+r"(a[i][2]), "+r"(a[i][3])::"memory");
  }
#endif
}

// Before the first product, and after registers that products use were touched.
__device__ __forceinline__ void wgmma_fence() {
#ifdef __CUDACC__
  EASYLM_ASM("wgmma.fence.sync.aligned;" ::: "memory");
#else
  emulation::current_warpgroup().fence();
#endif
}

__device__ __forceinline__ void wgmma_commit() {
#ifdef __CUDACC__
  EASYLM_ASM("wgmma.commit_group.sync.aligned;" ::: "memory");
#else
  emulation::current_warpgroup().commit();
#endif
}

// Waits until at most kGroups groups of products are under way; only then may their registers be touched.
template <int kGroups>
__device__ __forceinline__ void wgmma_wait() {
#ifdef __CUDACC__
  EASYLM_ASM("wgmma.wait_group.sync.aligned %0;" ::"n"(kGroups) : "memory");
#else
  emulation::current_warpgroup().wait(kGroups);
#endif
}

enum class Sum { kNew, kAdded };  // d = a·b, or d += a·b

#ifdef __CUDACC__
#define EASYLM_D4(i) "+f"(d[i][0]), "+f"(d[i][1]), "+f"(d[i][2]), "+f"(d[i][3])
#define EASYLM_D32(i)                                                                                     \
  EASYLM_D4(i), EASYLM_D4(i + 1), EASYLM_D4(i + 2), EASYLM_D4(i + 3), EASYLM_D4(i + 4), EASYLM_D4(i + 5), \
      EASYLM_D4(i + 6), EASYLM_D4(i + 7)
#define EASYLM_32_NAMES                                                                                    \
  "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27," \
  "%28,%29,%30,%31"
#define EASYLM_64_NAMES                                                                               \
  EASYLM_32_NAMES                                                                                     \
  ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55," \
  "%56,%57,%58,%59,%60,%61,%62,%63"
#define EASYLM_WGMMA(columns, type, adds)                                                                    \
  "{\n.reg .pred p;\nsetp.ne.b32 p, " adds ", 0;\nwgmma.mma_async.sync.aligned.m64n" columns "k16.f32." type \
  "." type " {"
#endif

// d (+)= a·b for a warpgroup: a [64, 16] and b [16, kColumns] in shared memory, a's and b's lines along the
// inner dimension. d is laid out as mma_m16n8k16's, 16 rows for each warp.
template <typename T, int kColumns>
__device__ __forceinline__ void wgmma_shared(float (&d)[kColumns / 8][4], std::uint64_t a, std::uint64_t b,
                                             Sum sum) {
  static_assert(kColumns == 64 || kColumns == 128);
#ifdef __CUDACC__
  const int adds = sum == Sum::kAdded ? 1 : 0;
  constexpr bool kHalf = std::is_same_v<T, __half>;
  if constexpr (kColumns == 64 && kHalf) {
    EASYLM_ASM(EASYLM_WGMMA("64", "f16", "%34") EASYLM_32_NAMES "}, %32, %33, p, 1, 1, 0, 0;\n}"
               : EASYLM_D32(0)
               : "l"(a), "l"(b), "r"(adds));
  } else if constexpr (kColumns == 64) {
    EASYLM_ASM(EASYLM_WGMMA("64", "bf16", "%34") EASYLM_32_NAMES "}, %32, %33, p, 1, 1, 0, 0;\n}"
               : EASYLM_D32(0)
               : "l"(a), "l"(b), "r"(adds));
  } else if constexpr (kHalf) {
    EASYLM_ASM(EASYLM_WGMMA("128", "f16", "%66") EASYLM_64_NAMES "}, %64, %65, p, 1, 1, 0, 0;\n}"
               : EASYLM_D32(0), EASYLM_D32(8)
               : "l"(a), "l"(b), "r"(adds));
  } else {
    EASYLM_ASM(EASYLM_WGMMA("128", "bf16", "%66") EASYLM_64_NAMES "}, %64, %65, p, 1, 1, 0, 0;\n}"
               : EASYLM_D32(0), EASYLM_D32(8)
               : "l"(a), "l"(b), "r"(adds));
  }
#else
  emulation::WgmmaOperands mine{&d[0][0], nullptr, a, b, kColumns, emulation::Major::k, sum == Sum::kAdded};
  emulation::current_warpgroup().multiply<T>(mine);
#endif
}

// The same with a in registers, laid out as mma_m16n8k16's, and b's lines across the inner dimension.
template <typename T, int kColumns>
__device__ __forceinline__ void wgmma_registers(float (&d)[kColumns / 8][4], const std::uint32_t (&a)[4],
                                                std::uint64_t b, Sum sum) {
  static_assert(kColumns == 64 || kColumns == 128);
#ifdef __CUDACC__
  const int adds = sum == Sum::kAdded ? 1 : 0;
  constexpr bool kHalf = std::is_same_v<T, __half>;
  if constexpr (kColumns == 64 && kHalf) {
    EASYLM_ASM(EASYLM_WGMMA("64", "f16", "%37") EASYLM_32_NAMES "}, {%32,%33,%34,%35}, %36, p, 1, 1, 1;\n}"
               : EASYLM_D32(0)
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(adds));
  } else if constexpr (kColumns == 64) {
    EASYLM_ASM(EASYLM_WGMMA("64", "bf16", "%37") EASYLM_32_NAMES "}, {%32,%33,%34,%35}, %36, p, 1, 1, 1;\n}"
               : EASYLM_D32(0)
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(adds));
  } else if constexpr (kHalf) {
    EASYLM_ASM(EASYLM_WGMMA("128", "f16", "%69") EASYLM_64_NAMES "}, {%64,%65,%66,%67}, %68, p, 1, 1, 1;\n}"
               : EASYLM_D32(0), EASYLM_D32(8)
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(adds));
  } else {
    EASYLM_ASM(EASYLM_WGMMA("128", "bf16", "%69") EASYLM_64_NAMES "}, {%64,%65,%66,%67}, %68, p, 1, 1, 1;\n}"
               : EASYLM_D32(0), EASYLM_D32(8)
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(adds));
  }
#else
  emulation::WgmmaOperands mine{&d[0][0], a, 0, b, kColumns, emulation::Major::mn, sum == Sum::kAdded};
  emulation::current_warpgroup().multiply<T>(mine);
#endif
}

}  // namespace easylm::bpt_cuda
