// Encoding and reading of tensor maps, with the limits that the driver's manual gives.
#include "cuda_emulation/emulation/tensor_map.h"

#include <cstring>
#include <string>

#include "cuda.h"
#include "cuda_emulation/emulation/block.h"
#include "cuda_emulation/emulation/mbarrier.h"

namespace easylm::emulation {
namespace {

constexpr std::uint64_t kElementBytes = 2;

static_assert(sizeof(TensorMap) <= sizeof(CUtensorMap));

TensorMap decode(const void* map) {
  require_aligned("cp.async.bulk.tensor: the tensor map", map, 64);
  TensorMap decoded;
  std::memcpy(&decoded, map, sizeof(decoded));
  if (decoded.mark != kTensorMapMark)
    fail(FaultKind::misuse, "cp.async.bulk.tensor with no valid tensor map");
  return decoded;
}

std::uint32_t tile_bytes(const TensorMap& map) {
  std::uint64_t elements = 1;
  for (unsigned i = 0; i < map.rank; ++i) elements *= map.box[i];
  return static_cast<std::uint32_t>(elements * kElementBytes);
}

// Copies the tile's innermost rows one by one; `index` counts rows.
void copy_row(const TensorMap& map, const TileCopy& copy, std::uint32_t index) {
  const std::byte* row = map.data;
  std::uint32_t rest = index;
  bool inside = true;
  for (unsigned i = 1; i < map.rank; ++i) {
    const std::int64_t at = copy.coordinates[i] + std::int64_t{rest % map.box[i]};
    rest /= map.box[i];
    inside = inside && at >= 0 && at < std::int64_t{map.size[i]};
    if (inside) row += static_cast<std::uint64_t>(at) * map.stride[i - 1];
  }
  SharedMemory& shared = current_block().shared();
  const std::uint32_t begin = shared.address_of(copy.shared) + index * map.box[0] * kElementBytes;
  for (std::uint32_t i = 0; i < map.box[0]; ++i) {
    const std::int64_t at = copy.coordinates[0] + std::int64_t{i};
    std::uint16_t element = 0;
    if (inside && at >= 0 && at < std::int64_t{map.size[0]}) {
      std::memcpy(&element, row + at * kElementBytes, kElementBytes);
    }
    const std::uint32_t address = swizzled(begin + i * kElementBytes, map.swizzle_bytes);
    std::memcpy(shared.pointer_to(address), &element, kElementBytes);
  }
}

void perform(const TensorMap& map, const TileCopy& copy) {
  const std::uint32_t bytes = tile_bytes(map);
  for (std::uint32_t row = 0; row < bytes / (map.box[0] * kElementBytes); ++row) copy_row(map, copy, row);
  mbarrier_complete(copy.barrier, bytes);
}

}  // namespace

std::uint32_t swizzled(std::uint32_t address, std::uint32_t swizzle_bytes) {
  // 16-byte chunks within a row of so many bytes are exchanged by the number of the 128-byte line.
  const std::uint32_t chunks = swizzle_bytes / 16;
  return chunks == 0 ? address : address ^ ((address >> 7 & (chunks - 1)) << 4);
}

void load_tile(const TileCopy& copy) {
  const TensorMap map = decode(copy.map);
  if (map.rank != copy.rank) {
    fail(FaultKind::misuse,
         std::to_string(copy.rank) + " coordinates for a tensor map of rank " + std::to_string(map.rank));
  }
  require_aligned("cp.async.bulk.tensor: the tile", copy.shared, 128);
  require_shared("cp.async.bulk.tensor", copy.shared, tile_bytes(map));
  current_block().run_or_defer([map, copy] { perform(map, copy); });
}

}  // namespace easylm::emulation

CUresult cuTensorMapEncodeTiled(CUtensorMap* map, CUtensorMapDataType type, std::uint32_t rank, void* data,
                                const std::uint64_t* size, const std::uint64_t* stride,
                                const std::uint32_t* box, const std::uint32_t* element_stride,
                                CUtensorMapInterleave, CUtensorMapSwizzle swizzle, CUtensorMapL2promotion,
                                CUtensorMapFloatOOBfill) {
  using easylm::emulation::TensorMap;
  constexpr std::uint64_t kLargestStride = std::uint64_t{1} << 40;
  const bool has_16_bits =
      type == CU_TENSOR_MAP_DATA_TYPE_FLOAT16 || type == CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  if (!has_16_bits || rank < 1 || rank > TensorMap::kMaxRank) return CUDA_ERROR_INVALID_VALUE;
  if (reinterpret_cast<std::uintptr_t>(map) % 64 != 0 || reinterpret_cast<std::uintptr_t>(data) % 16 != 0) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  TensorMap encoded{
      easylm::emulation::kTensorMapMark, static_cast<const std::byte*>(data), rank, 0, {}, {}, {}};
  if (swizzle != CU_TENSOR_MAP_SWIZZLE_NONE) encoded.swizzle_bytes = 16U << swizzle;
  for (std::uint32_t i = 0; i < rank; ++i) {
    if (size[i] == 0 || size[i] > 0xFFFFFFFFU || box[i] == 0 || box[i] > 256 || element_stride[i] != 1) {
      return CUDA_ERROR_INVALID_VALUE;
    }
    encoded.size[i] = static_cast<std::uint32_t>(size[i]);
    encoded.box[i] = static_cast<std::uint16_t>(box[i]);
    if (i + 1 == rank) break;
    if (stride[i] % 16 != 0 || stride[i] == 0 || stride[i] >= kLargestStride) return CUDA_ERROR_INVALID_VALUE;
    encoded.stride[i] = stride[i];
  }
  const std::uint32_t inner_bytes = box[0] * 2;
  if (inner_bytes % 16 != 0) return CUDA_ERROR_INVALID_VALUE;
  if (encoded.swizzle_bytes != 0 && inner_bytes > encoded.swizzle_bytes) return CUDA_ERROR_INVALID_VALUE;
  std::memcpy(map, &encoded, sizeof(encoded));
  return CUDA_SUCCESS;
}
