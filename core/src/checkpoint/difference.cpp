// Walks through two sorted lists of tensors at once.
#include "checkpoint/difference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <utility>

#include "checkpoint/tensor_slices.h"
#include "config/show.h"
#include "easylm/elements.h"
#include "easylm/error.h"
#include "easylm/hash.h"

namespace easylm {
namespace {

// The elements of a slice as doubles.
void to_doubles(DType dtype, std::span<const std::byte> bytes, std::vector<double>& numbers) {
  const auto size = static_cast<std::size_t>(size_of(dtype));
  numbers.resize(bytes.size() / size);
  if (dtype == DType::f64) {
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
    return;
  }
  if (is_float(dtype)) {
    std::vector<float> floats(numbers.size());
    to_f32(dtype, bytes, floats);
    std::ranges::copy(floats, numbers.begin());
    return;
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {  // whole numbers: two's complement, but for bytes
    std::int64_t x = 0;
    std::memcpy(&x, bytes.data() + i * size, size);
    const auto unused = static_cast<unsigned>(64 - 8 * size);
    const bool is_signed = dtype != DType::u8 && dtype != DType::boolean;
    numbers[i] = static_cast<double>(
        is_signed ? static_cast<std::int64_t>(static_cast<std::uint64_t>(x) << unused) >> unused : x);
  }
}

double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  const double d = std::abs(b - a);
  return std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
}

class Comparison {
 public:
  // Two slices of as many elements.
  void add(const std::vector<double>& a, const std::vector<double>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double d = distance(a[i], b[i]);
      max_ = std::max(max_, d);
      sum_ += d;
      if (!std::isfinite(a[i]) || !std::isfinite(b[i])) continue;
      square_d_ += d * d;
      square_a_ += a[i] * a[i];
      square_b_ += b[i] * b[i];
      product_ += a[i] * b[i];
    }
  }

  void finish(TensorDifference& difference) const {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    const double norms = std::sqrt(square_a_) * std::sqrt(square_b_);
    difference.max_abs = max_;
    difference.mean_abs = difference.elements > 0 ? sum_ / static_cast<double>(difference.elements) : 0;
    difference.relative = square_a_ > 0 ? std::sqrt(square_d_ / square_a_) : kNone;
    difference.cosine = norms > 0 ? std::clamp(product_ / norms, -1.0, 1.0) : kNone;
  }

 private:
  double max_ = 0, sum_ = 0, square_d_ = 0, square_a_ = 0, square_b_ = 0, product_ = 0;
};

std::int64_t differing_elements(std::span<const std::byte> a, std::span<const std::byte> b,
                                std::size_t size) {
  if (std::ranges::equal(a, b)) return 0;
  std::int64_t count = 0;
  for (std::size_t at = 0; at < a.size(); at += size) {
    if (std::memcmp(a.data() + at, b.data() + at, size) != 0) ++count;
  }
  return count;
}

std::int64_t differing_values(const std::vector<double>& a, const std::vector<double>& b) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += distance(a[i], b[i]) != 0 ? 1 : 0;
  return count;
}

TensorDifference compare_tensors(const Host& host, const TensorReader& a, std::size_t index_a,
                                 const TensorReader& b, std::size_t index_b) {
  const TensorInfo &x = a.tensors()[index_a], &y = b.tensors()[index_b];
  TensorDifference difference{.name = x.name,
                              .a_type = std::string(name_of(x.dtype)),
                              .b_type = std::string(name_of(y.dtype)),
                              .a_shape = x.shape,
                              .b_shape = y.shape};
  if (x.shape != y.shape) return difference;
  difference.elements = num_elements(x);
  Comparison comparison;
  SliceBuffer of_a, of_b;
  std::vector<double> numbers_a, numbers_b;
  for_each_slice(x, [&](const Slice& slice) {
    if (host.stop().requested()) throw Error(ErrorCode::interrupted, "stopped while comparing");
    const auto bytes_a = of_a.read(a, index_a, slice), bytes_b = of_b.read(b, index_b, slice);
    to_doubles(x.dtype, bytes_a, numbers_a);
    to_doubles(y.dtype, bytes_b, numbers_b);
    difference.differing +=
        x.dtype == y.dtype ? differing_elements(bytes_a, bytes_b, static_cast<std::size_t>(size_of(x.dtype)))
                           : differing_values(numbers_a, numbers_b);
    comparison.add(numbers_a, numbers_b);
  });
  comparison.finish(difference);
  return difference;
}

bool alike(const TensorDifference& difference) {
  return difference.differing == 0 && difference.a_type == difference.b_type &&
         difference.a_shape == difference.b_shape;
}

using Texts = std::map<std::string, std::string>;

void flatten(const Table& table, const std::string& prefix, Texts& texts) {
  for (const Setting& setting : table.settings) {
    const std::string key = prefix + setting.key;
    if (const auto* inner = setting.value.as<Table>()) {
      flatten(*inner, key + ".", texts);
    } else {
      texts[key] = toml_text(setting.value);
    }
  }
}

Texts config_texts(const TensorReader& reader) {
  Texts texts;
  const auto config = reader.model_config();
  if (!config) return texts;
  flatten(*config, "", texts);
  if (!config->type.empty()) texts["model_type"] = toml_text({config->type, {}});
  return texts;
}

Texts file_texts(const TensorReader& reader) {
  Texts texts;
  for (const NamedFile& file : reader.tokenizer_files()) {
    Sha256 hash;
    hash.update(std::as_bytes(std::span(file.bytes)));
    texts[file.name] = hash.finish();
  }
  return texts;
}

std::vector<TextDifference> compare_texts(const Texts& a, const Texts& b) {
  std::map<std::string, TextDifference> joined;
  for (const auto& [name, text] : a) joined[name].a = text;
  for (const auto& [name, text] : b) joined[name].b = text;
  std::vector<TextDifference> differences;
  for (auto& [name, pair] : joined) {
    if (pair.a == pair.b) continue;
    pair.name = name;
    differences.push_back(std::move(pair));
  }
  return differences;
}

}  // namespace

bool ModelDifference::none() const {
  return changed.empty() && only_in_a.empty() && only_in_b.empty() && config.empty() && files.empty();
}

ModelDifference compare_models(const Host& host, const TensorReader& a, const TensorReader& b) {
  ModelDifference all;
  for (std::size_t i = 0; i < a.tensors().size(); ++i) {
    const auto other = index_of(b, a.tensors()[i].name);
    if (!other) {
      all.only_in_a.push_back(a.tensors()[i].name);
      continue;
    }
    TensorDifference difference = compare_tensors(host, a, i, b, *other);
    if (alike(difference)) {
      ++all.same;
    } else {
      all.changed.push_back(std::move(difference));
    }
  }
  for (const TensorInfo& tensor : b.tensors()) {
    if (!index_of(a, tensor.name)) all.only_in_b.push_back(tensor.name);
  }
  all.config = compare_texts(config_texts(a), config_texts(b));
  all.files = compare_texts(file_texts(a), file_texts(b));
  return all;
}

}  // namespace easylm
