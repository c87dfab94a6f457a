// STEM.safetensors.index.json: which of several files holds each tensor.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace easylm::safetensors {

inline constexpr std::size_t kMostIndexBytes = std::size_t{100} << 20U;

using WeightMap = std::map<std::string, std::string>;  // tensor to file name

// Throws Error{corrupt} that begins with `where`, also for a file name that leaves the folder.
WeightMap parse_index(std::string_view text, std::string_view where);

std::string index_text(const WeightMap& files, std::int64_t total_bytes);

}  // namespace easylm::safetensors
