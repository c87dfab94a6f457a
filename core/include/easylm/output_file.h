// What every writer of tensors needs: a new file that is written at any place, and a count of what was
// written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "easylm/export.h"

namespace easylm {

// A file that is made new. Every method throws Error{io} that names file and call.
class EASYLM_API OutputFile {
 public:
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Claims the space at once where the file system can, so that a full disk shows before any work is done.
  void reserve(std::int64_t bytes);
  void write_at(std::int64_t offset, std::string_view bytes);
  void close();

 private:
  void start_disk();

  std::filesystem::path path_;
  int fd_ = -1;
  std::int64_t waiting_ = 0;  // bytes that the disk was not told of
};

// Which bytes of a plan's tensors have been written: what TensorWriter promises, checked.
class EASYLM_API WriteProgress {
 public:
  // Throws Error{internal} if a name in `plan` is empty, comes twice or can't be a file's.
  explicit WriteProgress(const WritePlan& plan);

  // Throws Error{internal} if the tensor or the bytes are not in the plan, or were written before.
  void add(std::size_t index, std::int64_t offset, std::int64_t size);

  // Whether every byte of a tensor was written.
  bool is_complete(std::size_t index) const;

  // Throws Error{internal} that names a tensor of which bytes are missing.
  void check_complete() const;

 private:
  struct Tensor {
    std::string name;
    std::int64_t bytes = 0, written = 0;
    std::map<std::int64_t, std::int64_t> ranges = {};  // begin to end
  };
  std::vector<Tensor> tensors_;
};

// Writes the small files of `plan` into `folder`: those that it holds and, beside a model ("model" is the
// plan's stem), config.json and generation_config.json unless they are among them.
EASYLM_API void write_small_files(const std::filesystem::path& folder, const WritePlan& plan);

}  // namespace easylm
