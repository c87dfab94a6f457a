// What a restricted unpickler makes: plain values, and indices of what is larger.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "pickle.h"

namespace easylm::torch_bin {

enum class ObjectKind {
  none,
  boolean,
  integer,
  real,
  text,
  global,
  tuple,
  list,
  dictionary,
  storage,
  tensor
};

struct Object {
  ObjectKind kind = ObjectKind::none;
  std::int64_t integer = 0;    // a number; otherwise where in Objects it lies
  std::string_view text = {};  // a text, or a global: "collections OrderedDict"
};

struct Storage {
  DType dtype = DType::f32;
  std::string_view key;
  std::int64_t elements = 0;
};

// All that was made. An object that refers to another holds its index, so nothing is ever copied deeply and
// nothing can be nested too deep.
struct Objects {
  std::vector<std::vector<Object>> sequences;  // tuples and lists
  std::vector<std::vector<std::pair<Object, Object>>> dictionaries;
  std::vector<Storage> storages;
  std::vector<PickledTensor> tensors;  // without names
};

// The types of storages, by the classes that stand for them.
struct StorageType {
  std::string_view global;
  DType dtype;
};
std::span<const StorageType> storage_types();
std::optional<DType> storage_type(std::string_view global);

// The word for a kind in messages.
std::string_view name_of(ObjectKind kind);

}  // namespace easylm::torch_bin
