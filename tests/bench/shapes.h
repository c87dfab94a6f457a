// The models and optimizers that the benchmarks use.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "support/plugin_host.h"

namespace easylm::bench {

struct Shape {
  std::string_view name;
  std::int64_t vocab_size, hidden_size, intermediate_size, num_layers, num_heads, num_key_value_heads;
  std::int64_t rows, length;
};

inline constexpr Shape kShapes[] = {{"smollm2", 49152, 576, 1536, 30, 9, 3, 2, 512},
                                    {"nano", 256, 256, 704, 4, 4, 2, 16, 256}};

inline Table model_table(const Shape& shape) {
  const auto whole = [](std::int64_t x) { return Value{x, {}}; };
  return testing::table_of("llama", {{"vocab_size", whole(shape.vocab_size)},
                                     {"hidden_size", whole(shape.hidden_size)},
                                     {"intermediate_size", whole(shape.intermediate_size)},
                                     {"num_hidden_layers", whole(shape.num_layers)},
                                     {"num_attention_heads", whole(shape.num_heads)},
                                     {"num_key_value_heads", whole(shape.num_key_value_heads)},
                                     {"max_position_embeddings", whole(2048)},
                                     {"tie_word_embeddings", {true, {}}}});
}

inline Table optimizer_table() {
  Table schedule = testing::table_of("constant", {{"value", {1e-4, {}}}});
  return testing::table_of("adamw", {{"schedule", {std::move(schedule), {}}}});
}

// The most resident memory of this process, as the kernel counted it.
inline std::int64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::int64_t kibibytes = 0;
  while (status >> word) {
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace easylm::bench
