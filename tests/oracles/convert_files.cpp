// convert_files FROM FORMAT FOLDER [KEY=VALUE]: a model's files in another format, through the installed
// plugins. Tensors are written from back to front in slices of an odd size, as a format's contract allows.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "easylm/error.h"
#include "support/plugin_host.h"
#include "support/program.h"

namespace {

constexpr std::int64_t kSlice = 1'000'003;

void copy_tensor(const easylm::TensorReader& reader, std::size_t index, easylm::TensorWriter& writer) {
  const std::int64_t bytes = reader.tensors()[index].num_bytes();
  for (std::int64_t begin = (bytes - 1) / kSlice * kSlice; begin >= 0; begin -= kSlice) {
    std::vector<std::byte> slice(static_cast<std::size_t>(std::min(kSlice, bytes - begin)));
    reader.read(index, begin, slice);
    writer.write(index, begin, slice);
  }
}

void convert(const std::vector<std::string>& words) {
  easylm::testing::PluginHost host;
  const auto reader = easylm::find_format(host, words[0]).format->open(words[0]);
  easylm::WritePlan plan;
  plan.tensors.assign(reader->tensors().begin(), reader->tensors().end());
  plan.model_config = reader->model_config();
  plan.files = reader->tokenizer_files();
  easylm::Table table = easylm::testing::table_of(words[1]);
  if (words.size() > 3) {
    const std::size_t equals = words[3].find('=');
    table.set(words[3].substr(0, equals), {words[3].substr(equals + 1), {}});
  }
  const auto writer = host.make<easylm::CheckpointFormat>(table)->create(words[2], plan);
  for (std::size_t i = plan.tensors.size(); i-- > 0;) copy_tensor(*reader, i, *writer);
  writer->finish();
}

}  // namespace

int main(int argc, char** argv) {
  return easylm::testing::run_program(argc, argv, [](const std::vector<std::string>& words) {
    if (words.size() < 3)
      throw easylm::Error(easylm::ErrorCode::invalid_config, "FROM FORMAT FOLDER are needed");
    std::filesystem::create_directories(words[2]);
    convert(words);
  });
}
