// A set of named tensors and a model's description, in bytes: read and written tensor by tensor.
//
// Formats know nothing of versions, retention or durability (that is the checkpoint policy's), and nothing of
// LibTorch: bytes cross this border, so that `inspect` and `check` start in milliseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "easylm/component.h"
#include "easylm/host.h"
#include "easylm/tokenizer.h"
#include "easylm/value.h"

namespace easylm {

enum class DType : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

EASYLM_API std::int64_t size_of(DType dtype);      // bytes of one element
EASYLM_API std::string_view name_of(DType dtype);  // "bf16"

struct TensorInfo {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;  // row-major; empty: a scalar
  std::string stored_type = {};     // how a file holds it, if not as `dtype`: "Q4_1"
  std::int64_t stored_bytes = 0;    // its size there, if not as `dtype`

  // Elements times size. Throws Error{corrupt} for a negative dimension or an overflow.
  EASYLM_API std::int64_t num_bytes() const;
};

// An opened checkpoint. Trusts nothing it reads: every offset and size was checked when it was opened.
class EASYLM_API TensorReader {
 public:
  virtual ~TensorReader();

  virtual std::span<const TensorInfo> tensors() const = 0;  // sorted by name

  // Bytes [offset, offset + into.size()) of tensors()[index], little-endian and row-major, whatever the file
  // does to store them. Throws Error{corrupt} that names file and tensor. [any-thread]
  virtual void read(std::size_t index, std::int64_t offset, std::span<std::byte> into) const = 0;

  // (optional) The same bytes where they lie as they are, in a memory map for example, valid as long as the
  // reader; nothing is read before it is touched. Default: empty, which says that only read() gives them.
  // [any-thread]
  virtual std::span<const std::byte> view(std::size_t index) const;

  // The model's configuration under HF's config.json keys, `type` being its model_type; none if the files
  // hold none.
  virtual std::optional<Table> model_config() const = 0;

  virtual std::vector<NamedFile> tokenizer_files() const = 0;

  virtual std::vector<std::pair<std::string, std::string>> metadata() const = 0;  // for people
};

// What will be written, said before the first byte.
struct WritePlan {
  std::string stem = "model";  // file name without extension
  std::vector<TensorInfo> tensors;
  std::optional<Table> model_config;                               // HF's config.json keys
  std::vector<NamedFile> files;                                    // written as they are
  std::vector<std::pair<std::string, std::string>> metadata = {};  // as TensorReader::metadata() gives it
                                                                   // back, in formats that hold texts
};

class EASYLM_API TensorWriter {
 public:
  virtual ~TensorWriter();

  // Bytes [offset, offset + data.size()) of plan.tensors[index]. In any order, each byte once.
  virtual void write(std::size_t index, std::int64_t offset, std::span<const std::byte> data) = 0;

  // Completes the files. Throws Error{internal} if a byte is missing. Not calling it leaves an unreadable
  // file.
  virtual void finish() = 0;
};

class EASYLM_API CheckpointFormat : public Component {
 public:
  static constexpr std::string_view kKind = "checkpoint";
  static constexpr std::string_view kInterface = "easylm.checkpoint/1";
  ~CheckpointFormat() override;

  // How sure this format is that it can read `path` (a file or a folder): 0 not mine, 100 certain. Never
  // throws.
  virtual int probe(const std::filesystem::path& path) const = 0;

  // Throws Error{corrupt} or Error{unsupported} that names file and tensor.
  virtual std::unique_ptr<TensorReader> open(const std::filesystem::path& path) const = 0;

  // Starts writing `plan.stem` with this format's ending into `folder`, which exists. Throws
  // Error{unsupported} for what the format can't hold. REQUIRES: names in `plan` are unique.
  virtual std::unique_ptr<TensorWriter> create(const std::filesystem::path& folder,
                                               const WritePlan& plan) const = 0;
};

// An extension of a format whose files don't say all that reading them takes, such as the number of heads.
class EASYLM_API ReadsWithConfig {
 public:
  static constexpr std::string_view kInterface = "easylm.checkpoint.reads_with_config/1";
  virtual ~ReadsWithConfig();

  // CheckpointFormat::open with what is known of the model, under HF's config.json keys.
  virtual std::unique_ptr<TensorReader> open(const std::filesystem::path& path,
                                             const Table& model_config) const = 0;
};

// A format with the name under which it is installed.
struct FoundFormat {
  std::string name;
  std::shared_ptr<CheckpointFormat> format;
};

// The installed format that is surest that it can read `path`. Throws Error{not_found} if nothing is there,
// Error{unsupported} if no format knows it.
EASYLM_API FoundFormat find_format(Host& host, const std::filesystem::path& path);

}  // namespace easylm
