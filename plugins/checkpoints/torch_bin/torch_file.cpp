// Finds pickle and storages in the archive, and checks that every tensor lies inside its storage.
#include "torch_file.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <boost/crc.hpp>

#include "easylm/error.h"
#include "easylm/json.h"
#include "pickle.h"
#include "zip_directory.h"

namespace easylm::torch_bin {
namespace {

constexpr std::size_t kMostPickleBytes = std::size_t{16} << 20U;
constexpr std::string_view kPickle = "/data.pkl";

// What torch.save wrote before PyTorch 1.6: a pickled number first, or a tar before that.
constexpr std::string_view kLegacyStart("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15);

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_legacy(std::span<const std::byte> file) {
  constexpr std::size_t kTarMark = 257;
  return text_of(file).starts_with(kLegacyStart) ||
         (file.size() > kTarMark + 5 && text_of(file).substr(kTarMark, 5) == "ustar");
}

class FileReader {
 public:
  FileReader(std::span<const std::byte> file, std::string where) : where_(std::move(where)) {
    if (is_legacy(file)) {
      throw Error(ErrorCode::unsupported, where_ + " is of the format that PyTorch wrote before version 1.6",
                  "in Python, torch.save(torch.load(FILE, weights_only=True), NEW_FILE) writes it anew");
    }
    if (!is_zip(file)) refuse("does not begin as a file of torch.save does");
    for (ZipEntry& entry : read_zip_directory(file, where_)) {
      if (entry.name.ends_with(kPickle)) {
        if (!prefix_.empty()) refuse("holds two pickles");
        prefix_ = entry.name.substr(0, entry.name.size() - kPickle.size());
      }
      std::string name = entry.name;
      entries_.emplace(std::move(name), std::move(entry));
    }
    if (prefix_.empty()) refuse("is a zip archive without data.pkl: torch.save wrote no such");
  }

  std::vector<TorchTensor> read() const {
    const ZipEntry* order = find("/byteorder");
    if (order != nullptr && text_of(order->bytes) != "little") {
      throw Error(ErrorCode::unsupported, where_ + " was written on a big-endian machine",
                  "save it again on a little-endian one");
    }
    const ZipEntry& pickle = entries_.at(prefix_ + std::string(kPickle));
    if (pickle.bytes.size() > kMostPickleBytes) refuse("has a pickle of more than 16 MB");
    boost::crc_32_type crc;
    crc.process_bytes(pickle.bytes.data(), pickle.bytes.size());
    if (crc.checksum() != pickle.crc32)
      refuse("has a pickle that is not what was written: its checksum differs");
    std::vector<TorchTensor> tensors;
    for (PickledTensor& tensor : read_pickle(pickle.bytes, where_)) {
      tensors.push_back(located(std::move(tensor)));
    }
    return tensors;
  }

 private:
  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ErrorCode::corrupt, where_ + " " + reason, "the file is damaged or cut short: get it again");
  }
  [[noreturn]] void refuse(const PickledTensor& tensor, const std::string& reason) const {
    throw Error(ErrorCode::corrupt, where_ + ": tensor " + json_quoted(tensor.name) + " " + reason,
                "the file is damaged: get it again");
  }

  const ZipEntry* find(const std::string& name) const {
    const auto found = entries_.find(prefix_ + name);
    return found == entries_.end() ? nullptr : &found->second;
  }

  TorchTensor located(PickledTensor tensor) const {
    const ZipEntry* entry = find("/data/" + std::string(tensor.storage.substr(0, 64)));
    if (entry == nullptr) refuse(tensor, "lies in a storage that isn't there");
    const auto bytes = static_cast<std::int64_t>(entry->bytes.size());
    const std::int64_t elements = bytes / tensor.layout.element_bytes;
    if (tensor.storage_elements != elements || bytes % tensor.layout.element_bytes != 0) {
      refuse(tensor, "lies in a storage of " + std::to_string(bytes) + " bytes, which should have " +
                         std::to_string(tensor.storage_elements) + " elements");
    }
    TorchTensor found{{tensor.name, tensor.dtype, tensor.layout.shape}, tensor.layout, entry->bytes};
    std::int64_t wanted = 0, reached = 0;
    try {
      wanted = found.info.num_bytes();
      reached = found.layout.extent();
    } catch (const Error&) {
      refuse(tensor, "has a shape or strides that nothing can have");
    }
    if (reached > elements) {
      refuse(tensor,
             "reaches element " + std::to_string(reached) + " of a storage of " + std::to_string(elements));
    }
    if (wanted > bytes) {
      throw Error(
          ErrorCode::unsupported,
          where_ + ": tensor " + json_quoted(tensor.name) + " repeats the elements of a smaller storage",
          "in Python, save tensor.contiguous() instead");
    }
    return found;
  }

  std::string where_, prefix_;
  std::unordered_map<std::string, ZipEntry> entries_;
};

}  // namespace

TorchFile::TorchFile(const std::filesystem::path& path)
    : map_(path), tensors_(FileReader(map_.bytes(), path.string()).read()) {}

int probe_torch_file(const std::filesystem::path& path) {
  try {
    const MappedFile map(path);
    if (is_legacy(map.bytes())) return 50;
    if (!is_zip(map.bytes())) return 0;
    const std::vector<ZipEntry> entries = read_zip_directory(map.bytes(), "");
    return std::any_of(entries.begin(), entries.end(),
                       [](const ZipEntry& entry) { return entry.name.ends_with(kPickle); })
               ? 90
               : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

std::span<const std::byte> bytes_in_place(const TorchTensor& tensor) {
  if (!tensor.layout.is_contiguous()) return {};
  const auto bytes =
      tensor.storage.subspan(static_cast<std::size_t>(tensor.layout.first * tensor.layout.element_bytes) *
                                 static_cast<std::size_t>(tensor.info.num_bytes() > 0),
                             static_cast<std::size_t>(tensor.info.num_bytes()));
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  return address % static_cast<std::uintptr_t>(tensor.layout.element_bytes) == 0
             ? bytes
             : std::span<const std::byte>();
}

}  // namespace easylm::torch_bin
