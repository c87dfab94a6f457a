// Writes and strictly reads the metadata of a delta.
#include "checkpoint/delta_facts.h"

#include <algorithm>
#include <array>
#include <map>

#include "checkpoint/tensor_slices.h"
#include "easylm/error.h"
#include "easylm/json.h"
#include "easylm/schema.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRevision = "1";
constexpr const char* kRevisionKey = "easylm.delta";
constexpr const char* kMethodKey = "easylm.delta.method";
constexpr const char* kBaseKey = "easylm.delta.base";
constexpr const char* kTargetKey = "easylm.delta.target";
constexpr const char* kTensorsKey = "easylm.delta.tensors";

constexpr std::array<std::pair<Kept, const char*>, 3> kWords = {
    {{Kept::same, "same"}, {Kept::changed, "changed"}, {Kept::whole, "whole"}}};

const char* word_of(DeltaMethod method) { return method == DeltaMethod::exact ? "xor" : "arithmetic"; }

// A type of whole numbers as wide as `dtype`: no reader takes bits that were mixed for numbers.
DType bits_of(DType dtype) {
  switch (size_of(dtype)) {
    case 8:
      return DType::i64;
    case 4:
      return DType::i32;
    case 2:
      return DType::i16;
    default:
      return DType::u8;
  }
}

std::string items_text(const std::vector<DeltaItem>& items) {
  Table tensors;
  for (const DeltaItem& item : items) {
    Table row;
    row.set("dtype", {std::string(name_of(item.target.dtype)), {}});
    row.set("shape", schema_detail::to_value(item.target.shape));
    for (const auto& [kept, word] : kWords) {
      if (kept == item.kept) row.set("how", {std::string(word), {}});
    }
    tensors.settings.push_back({item.target.name, {std::move(row), {}}});
  }
  return json_text(tensors);
}

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
  throw Error(ErrorCode::corrupt, path.string() + " is no delta that can be used: " + why,
              "easylm diff BASE TARGET -o DIR makes one; say --plain if another tool made this one");
}

template <typename T>
const T& member(const Table& table, const char* key, const fs::path& path) {
  const Value* value = table.find(key);
  const T* held = value == nullptr ? nullptr : value->as<T>();
  if (held == nullptr) refuse(path, std::string("its ") + key + " is missing");
  return *held;
}

DType dtype_named(const std::string& name, const fs::path& path) {
  for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::i64, DType::i32,
                            DType::i16, DType::i8, DType::u8, DType::boolean}) {
    if (name_of(dtype) == name) return dtype;
  }
  refuse(path, "it names the element type '" + name + "'");
}

DeltaItem item_of(const std::string& name, const Table& row, const fs::path& path) {
  DeltaItem item;
  item.target.name = name;
  item.target.dtype = dtype_named(member<std::string>(row, "dtype", path), path);
  for (const Value& size : member<List>(row, "shape", path)) {
    if (size.as<std::int64_t>() == nullptr) refuse(path, "a shape of it is not whole numbers");
    item.target.shape.push_back(*size.as<std::int64_t>());
  }
  const auto& how = member<std::string>(row, "how", path);
  const auto found = std::ranges::find_if(kWords, [&](const auto& entry) { return how == entry.second; });
  if (found == kWords.end()) refuse(path, "it keeps a tensor in the way '" + how + "'");
  item.kept = found->first;
  return item;
}

// The file holds each tensor that is kept, in its type and shape, and no other.
void check_tensors(const DeltaFacts& facts, const TensorReader& reader, const fs::path& path) {
  std::size_t kept = 0;
  for (const DeltaItem& item : facts.items) {
    if (item.kept == Kept::same) continue;
    ++kept;
    const auto index = index_of(reader, item.target.name);
    if (!index) refuse(path, "tensor " + item.target.name + " is missing");
    const TensorInfo& stored = reader.tensors()[*index];
    if (stored.dtype != stored_dtype(item, facts.method) || stored.shape != item.target.shape) {
      refuse(path, "tensor " + item.target.name + " is of another type or shape than it says");
    }
  }
  if (kept != reader.tensors().size()) refuse(path, "it holds tensors of which it says nothing");
}

}  // namespace

DType stored_dtype(const DeltaItem& item, DeltaMethod method) {
  if (item.kept == Kept::whole) return item.target.dtype;
  return method == DeltaMethod::exact ? bits_of(item.target.dtype) : DType::f32;
}

std::vector<std::pair<std::string, std::string>> metadata_of(const DeltaFacts& facts) {
  return {{kRevisionKey, kRevision},
          {kMethodKey, word_of(facts.method)},
          {kBaseKey, facts.base},
          {kTargetKey, facts.target},
          {kTensorsKey, items_text(facts.items)}};
}

DeltaFacts read_delta_facts(const TensorReader& reader, const fs::path& path) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : reader.metadata()) texts[key] = value;
  if (!texts.contains(kRevisionKey)) refuse(path, "nothing in it says what it was made from");
  if (texts[kRevisionKey] != kRevision) refuse(path, "it is of revision " + texts[kRevisionKey]);
  DeltaFacts facts;
  if (texts[kMethodKey] == word_of(DeltaMethod::arithmetic)) {
    facts.method = DeltaMethod::arithmetic;
  } else if (texts[kMethodKey] != word_of(DeltaMethod::exact)) {
    refuse(path, "it is of the unknown method '" + texts[kMethodKey] + "'");
  }
  facts.base = texts[kBaseKey];
  facts.target = texts[kTargetKey];
  const Table tensors = parse_json_object(texts[kTensorsKey], path.string() + ": " + kTensorsKey);
  for (const Setting& setting : tensors.settings) {
    if (setting.value.as<Table>() == nullptr) refuse(path, "what it says of " + setting.key + " is no table");
    facts.items.push_back(item_of(setting.key, *setting.value.as<Table>(), path));
  }
  check_tensors(facts, reader, path);
  return facts;
}

}  // namespace easylm
