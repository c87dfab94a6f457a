// The words and types that a pickle of tensors may hold.
#include "pickle_values.h"

#include <array>

namespace easylm::torch_bin {
namespace {

constexpr std::array<StorageType, 10> kStorageTypes = {{{"torch DoubleStorage", DType::f64},
                                                        {"torch FloatStorage", DType::f32},
                                                        {"torch HalfStorage", DType::f16},
                                                        {"torch BFloat16Storage", DType::bf16},
                                                        {"torch LongStorage", DType::i64},
                                                        {"torch IntStorage", DType::i32},
                                                        {"torch ShortStorage", DType::i16},
                                                        {"torch CharStorage", DType::i8},
                                                        {"torch ByteStorage", DType::u8},
                                                        {"torch BoolStorage", DType::boolean}}};
}  // namespace

std::span<const StorageType> storage_types() { return kStorageTypes; }

std::optional<DType> storage_type(std::string_view global) {
  for (const StorageType& type : kStorageTypes) {
    if (type.global == global) return type.dtype;
  }
  return std::nullopt;
}

std::string_view name_of(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::none:
      return "None";
    case ObjectKind::boolean:
      return "a truth value";
    case ObjectKind::integer:
      return "a whole number";
    case ObjectKind::real:
      return "a real number";
    case ObjectKind::text:
      return "a text";
    case ObjectKind::global:
      return "a class or function";
    case ObjectKind::tuple:
      return "a tuple";
    case ObjectKind::list:
      return "a list";
    case ObjectKind::dictionary:
      return "a dictionary";
    case ObjectKind::storage:
      return "a storage";
    case ObjectKind::tensor:
      break;
  }
  return "a tensor";
}

}  // namespace easylm::torch_bin
