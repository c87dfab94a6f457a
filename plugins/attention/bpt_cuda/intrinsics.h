// All that kernels use of the hardware beyond plain CUDA C++: inline PTX under nvcc; without it, the
// emulation of tests.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

// NOLINTBEGIN(bugprone-macro-parentheses): a type in parentheses is none
#ifdef __CUDACC__
#define EASYLM_ASM(...) asm volatile(__VA_ARGS__)

// A static array or object in shared memory: EASYLM_SHARED(float[4][32], sums);
#define EASYLM_SHARED(type, name) \
  using name##_type = type;       \
  __shared__ name##_type name

// `type* name`: the dynamic shared memory of the launch, at a multiple of 1,024 bytes.
#define EASYLM_DYNAMIC_SHARED(type, name)                                  \
  extern __shared__ __align__(1024) unsigned char easylm_dynamic_shared[]; \
  type* const name = reinterpret_cast<type*>(easylm_dynamic_shared)

#else
#include <ptx_emulation.h>

#define EASYLM_SHARED(type, name) \
  using name##_type = type;       \
  auto& name = easylm::emulation::declared_shared<name##_type>([] {})

#define EASYLM_DYNAMIC_SHARED(type, name) \
  type* const name = reinterpret_cast<type*>(easylm::emulation::current_block().shared().dynamic())
#endif
// NOLINTEND(bugprone-macro-parentheses)

namespace easylm::bpt_cuda {

// ---- launching ----

struct Launch {
  dim3 grid, block;
  std::size_t shared_bytes;  // dynamic
  cudaStream_t stream;
};

// Starts a kernel with as much dynamic shared memory as it asks for; does not wait for it.
template <typename... Parameters, typename... Arguments>
cudaError_t launch_kernel(void (*kernel)(Parameters...), const Launch& launch, Arguments... arguments) {
#ifdef __CUDACC__
  constexpr std::size_t kWithoutAsking = 48 << 10;
  if (launch.shared_bytes > kWithoutAsking) {
    const cudaError_t status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                    static_cast<int>(launch.shared_bytes));
    if (status != cudaSuccess) return status;
  }
  kernel<<<launch.grid, launch.block, launch.shared_bytes, launch.stream>>>(arguments...);
  return cudaGetLastError();
#else
  return emulation::launch(kernel, {launch.grid, launch.block, launch.shared_bytes}, launch.stream,
                           arguments...);
#endif
}

// ---- indices ----

// threadIdx.x, read anew: what is computed of it is computed again where it is needed, instead of being kept
// in registers throughout a loop.
__device__ __forceinline__ unsigned reread_thread_index() {
#ifdef __CUDACC__
  unsigned index;
  EASYLM_ASM("mov.u32 %0, %%tid.x;" : "=r"(index));
  return index;
#else
  return threadIdx.x;
#endif
}

// ---- numbers ----

__device__ __forceinline__ float to_float(__half x) { return __half2float(x); }
__device__ __forceinline__ float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }

// Rounds to nearest even.
template <typename T>
__device__ __forceinline__ T from_float(float x);
template <>
__device__ __forceinline__ __half from_float<__half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ __forceinline__ __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

// Two numbers of type T in 32 bits, `low` in the lower half.
template <typename T>
__device__ __forceinline__ std::uint32_t pack(float low, float high);
template <>
__device__ __forceinline__ std::uint32_t pack<__half>(float low, float high) {
#ifdef __CUDACC__
  std::uint32_t pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#else
  return emulation::half_bits(low) | std::uint32_t{emulation::half_bits(high)} << 16;
#endif
}
template <>
__device__ __forceinline__ std::uint32_t pack<__nv_bfloat16>(float low, float high) {
#ifdef __CUDACC__
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#else
  return emulation::bfloat16_bits(low) | std::uint32_t{emulation::bfloat16_bits(high)} << 16;
#endif
}

// What pack() put into 32 bits: x is the lower half.
template <typename T>
__device__ __forceinline__ float2 unpack(std::uint32_t pair);
template <>
__device__ __forceinline__ float2 unpack<__half>(std::uint32_t pair) {
#ifdef __CUDACC__
  return __half22float2(*reinterpret_cast<const __half2*>(&pair));
#else
  return {emulation::half_value(static_cast<std::uint16_t>(pair)),
          emulation::half_value(static_cast<std::uint16_t>(pair >> 16))};
#endif
}
template <>
__device__ __forceinline__ float2 unpack<__nv_bfloat16>(std::uint32_t pair) {
  return {__uint_as_float(pair << 16), __uint_as_float(pair & 0xFFFF0000U)};
}

// 2^x, log2(x) and 1/x to about 2 ulp, subnormal results as zero; exp2_approx(-inf) is 0.
__device__ __forceinline__ float exp2_approx(float x) {
#ifdef __CUDACC__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return emulation::flushed(std::exp2(x));
#endif
}

__device__ __forceinline__ float log2_approx(float x) {
#ifdef __CUDACC__
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return emulation::flushed(std::log2(x));
#endif
}

__device__ __forceinline__ float reciprocal_approx(float x) {
#ifdef __CUDACC__
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return emulation::flushed(1.0F / x);
#endif
}

// ---- matrices ----

#ifdef __CUDACC__
__device__ __forceinline__ std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}
#endif

// d += a·b for a warp: a [16, 16] by rows, b [16, 8] by columns, d in fp32. Of lane l, with row = l / 4 and
// column = l % 4 · 2: d[i] is d[row + i / 2 · 8, column + i % 2]; a[i] holds a[row + i % 2 · 8, column + i /
// 2 · 8] and its right neighbour; b[i] holds b[column + i · 8, row] and the one below.
template <typename T>
__device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4],
                                             const std::uint32_t (&b)[2]) {
#ifdef __CUDACC__
  if constexpr (std::is_same_v<T, __half>) {
    EASYLM_ASM(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    EASYLM_ASM(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
#else
  emulation::mma_m16n8k16<T>(d, a, b);
#endif
}

// Loads four matrices of 8 × 8 numbers from shared memory: lane l gives the address of row l % 8 of matrix l
// / 8. Of matrix i, registers[i] holds [l / 4, l % 4 · 2] and its right neighbour, of the transposed matrix
// if asked.
template <bool kTransposed>
__device__ __forceinline__ void ldmatrix_x4(std::uint32_t (&registers)[4], const void* row) {
#ifdef __CUDACC__
  if constexpr (kTransposed) {
    EASYLM_ASM("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
               : "r"(shared_address(row))
               : "memory");
  } else {
    EASYLM_ASM("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
               : "r"(shared_address(row))
               : "memory");
  }
#else
  emulation::ldmatrix_x4(registers, row,
                         kTransposed ? emulation::Transposed::yes : emulation::Transposed::no);
#endif
}

// The same for two matrices, whose rows' addresses lanes 0 to 15 give.
template <bool kTransposed>
__device__ __forceinline__ void ldmatrix_x2(std::uint32_t (&registers)[2], const void* row) {
#ifdef __CUDACC__
  if constexpr (kTransposed) {
    EASYLM_ASM("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
               : "=r"(registers[0]), "=r"(registers[1])
               : "r"(shared_address(row))
               : "memory");
  } else {
    EASYLM_ASM("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
               : "=r"(registers[0]), "=r"(registers[1])
               : "r"(shared_address(row))
               : "memory");
  }
#else
  emulation::ldmatrix_x2(registers, row,
                         kTransposed ? emulation::Transposed::yes : emulation::Transposed::no);
#endif
}

// ---- asynchronous copies ----

// Starts copying 16 bytes from global to shared memory, both at multiples of 16; writes zeros, and reads
// nothing, unless `there`.
__device__ __forceinline__ void cp_async16(void* shared, const void* global, bool there) {
#ifdef __CUDACC__
  EASYLM_ASM("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
             "r"(there ? 16 : 0)
             : "memory");
#else
  emulation::current_thread().copies.issue(shared, there ? global : nullptr,
                                           emulation::current_block().schedule().copies);
#endif
}

// Closes the group of copies that this thread started since the last time.
__device__ __forceinline__ void cp_async_commit() {
#ifdef __CUDACC__
  EASYLM_ASM("cp.async.commit_group;" ::: "memory");
#else
  emulation::current_thread().copies.commit();
#endif
}

// Waits until at most kGroups of this thread's groups are on their way. Other threads see what landed after a
// barrier.
template <int kGroups>
__device__ __forceinline__ void cp_async_wait() {
#ifdef __CUDACC__
  EASYLM_ASM("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
#else
  emulation::current_thread().copies.wait(kGroups);
#endif
}

// ---- named barriers ----

// Barrier `id` (1 to 15; 0 is __syncthreads') for `num_threads`, a multiple of 32: waits for them, or only
// counts as one.
__device__ __forceinline__ void barrier_sync(int id, int num_threads) {
#ifdef __CUDACC__
  EASYLM_ASM("barrier.sync.aligned %0, %1;" ::"r"(id), "r"(num_threads) : "memory");
#else
  emulation::barrier_sync(id, num_threads);
#endif
}

__device__ __forceinline__ void barrier_arrive(int id, int num_threads) {
#ifdef __CUDACC__
  EASYLM_ASM("barrier.arrive.aligned %0, %1;" ::"r"(id), "r"(num_threads) : "memory");
#else
  emulation::barrier_arrive(id, num_threads);
#endif
}

}  // namespace easylm::bpt_cuda
