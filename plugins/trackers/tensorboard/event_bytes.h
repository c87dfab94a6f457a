// TensorBoard's event file, byte by byte: records that hold one Event message each.
//
// A record is: u64 length, u32 masked CRC32C of those 8 bytes, the message, u32 masked CRC32C of the message;
// all little-endian. The messages are protocol buffers, of which only these fields are used:
//   Event   1 double wall_time, 2 int64 step, 3 string file_version, 5 Summary summary
//   Summary 1 repeated Value;  Value 1 string tag, 2 float simple_value
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace easylm::trackers {

struct Scalar {
  std::string tag;
  float value = 0;
};

std::uint32_t crc32c(std::string_view bytes);  // Castagnoli

std::string version_event(double wall_time);  // the first message of every file
std::string scalars_event(double wall_time, std::int64_t step, const std::vector<Scalar>& scalars);

std::string record_of(std::string_view message);

}  // namespace easylm::trackers
