// Tensors of one or several files of torch.save, under the names that they have there.
#include "reader.h"

#include <algorithm>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/huggingface_folder.h"
#include "easylm/json.h"
#include "easylm/shard_index.h"
#include "torch_file.h"

namespace easylm::torch_bin {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "pytorch_model.bin";
constexpr const char* kIndexEnding = ".bin.index.json";

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_index(const fs::path& path) { return path.filename().string().ends_with(kIndexEnding); }

// The file to open for what the user named: weights, or an index. Empty if there is none.
fs::path find_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return is_file(path) ? path : fs::path();
  for (const fs::path& file : {path / kName, path / (std::string(kName) + ".index.json")}) {
    if (is_file(file)) return file;
  }
  return {};
}

class Reader final : public TensorReader {
 public:
  explicit Reader(fs::path folder) : folder_(std::move(folder)) {}

  // Opens one file. `names` holds the tensors that the index puts there; null: any.
  void add(const fs::path& file, const std::set<std::string>* names);
  void sort();

  std::span<const TensorInfo> tensors() const override { return infos_; }
  void read(std::size_t index, std::int64_t offset, std::span<std::byte> into) const override;
  std::span<const std::byte> view(std::size_t index) const override {
    EASYLM_CHECK(index < tensors_.size(), "a tensor was asked for that isn't there");
    return bytes_in_place(*tensors_[index]);
  }
  std::optional<Table> model_config() const override { return read_model_config(folder_); }
  std::vector<NamedFile> tokenizer_files() const override { return read_tokenizer_files(folder_); }
  std::vector<std::pair<std::string, std::string>> metadata() const override { return {}; }

 private:
  fs::path folder_;
  std::vector<std::unique_ptr<TorchFile>> files_;
  std::vector<const TorchTensor*> tensors_;  // sorted by name
  std::vector<TensorInfo> infos_;
};

void Reader::add(const fs::path& file, const std::set<std::string>* names) {
  const TorchFile& opened = *files_.emplace_back(std::make_unique<TorchFile>(file));
  std::set<std::string> missing = names == nullptr ? std::set<std::string>() : *names;
  const auto refuse = [&](const std::string& name, const char* reason) {
    throw Error(ErrorCode::corrupt, file.string() + ": tensor " + json_quoted(name) + reason,
                "get the files again, they don't belong together");
  };
  for (const TorchTensor& tensor : opened.tensors()) {
    if (names != nullptr && missing.erase(tensor.info.name) == 0) {
      refuse(tensor.info.name, " is here, but not in the index");
    }
    tensors_.push_back(&tensor);
  }
  if (!missing.empty()) refuse(*missing.begin(), " is in the index, but not here");
}

void Reader::sort() {
  std::sort(tensors_.begin(), tensors_.end(),
            [](const TorchTensor* a, const TorchTensor* b) { return a->info.name < b->info.name; });
  for (const TorchTensor* tensor : tensors_) infos_.push_back(tensor->info);
}

void Reader::read(std::size_t index, std::int64_t offset, std::span<std::byte> into) const {
  EASYLM_CHECK(index < tensors_.size(), "a tensor was asked for that isn't there");
  const TorchTensor& tensor = *tensors_[index];
  const std::int64_t bytes = tensor.info.num_bytes(), size = static_cast<std::int64_t>(into.size());
  EASYLM_CHECK(offset >= 0 && size <= bytes && offset <= bytes - size,
               "bytes beyond a tensor were asked for");
  gather(tensor.layout, tensor.storage, offset, into);
}

}  // namespace

int probe_path(const fs::path& path) {
  const fs::path file = find_file(path);
  if (file.empty()) return 0;
  return is_index(file) ? 90 : probe_torch_file(file);
}

std::unique_ptr<TensorReader> open_path(const fs::path& path) {
  const fs::path file = find_file(path);
  if (file.empty()) {
    throw Error(ErrorCode::not_found, path.string() + " holds no weights of torch.save",
                "name a file, or a folder with pytorch_model.bin or its index");
  }
  auto reader = std::make_unique<Reader>(file.parent_path());
  if (is_index(file)) {
    for (const Shard& shard : read_shards(file)) reader->add(shard.file, &shard.tensors);
  } else {
    reader->add(file, nullptr);
  }
  reader->sort();
  return reader;
}

}  // namespace easylm::torch_bin
