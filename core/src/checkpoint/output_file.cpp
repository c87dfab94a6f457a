// New files, written at any place, and the count of what was written.
#include "easylm/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "easylm/error.h"
#include "easylm/huggingface_folder.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDiskPiece = std::int64_t{32}
                                    << 20U;  // bytes that are written before the disk is told of them

[[noreturn]] void fail(const fs::path& path, const char* call) {
  const int error = errno;
  throw Error(ErrorCode::io,
              path.string() + ": " + call + " failed: " + std::generic_category().message(error),
              error == ENOSPC ? "free some space" : "check the disk, and that the folder can be written");
}

// Adds [begin, end) to disjoint ranges; false if some of it is there already.
bool add_range(std::map<std::int64_t, std::int64_t>& ranges, std::int64_t begin, std::int64_t end) {
  if (begin == end) return true;
  auto after = ranges.lower_bound(begin);
  if (after != ranges.end() && after->first < end) return false;
  if (after != ranges.begin()) {
    const auto before = std::prev(after);
    if (before->second > begin) return false;
    if (before->second == begin) {
      begin = before->first;
      ranges.erase(before);
    }
  }
  if (after != ranges.end() && after->first == end) {
    end = after->second;
    ranges.erase(after);
  }
  ranges[begin] = end;
  return true;
}

}  // namespace

OutputFile::OutputFile(fs::path path) : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(path_, "open");
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), waiting_(other.waiting_) {}

void OutputFile::reserve(std::int64_t bytes) {
  if (bytes == 0) return;
  int result = 0;
  do {
    result = ::fallocate(fd_, 0, 0, bytes);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return;
  if (errno != EOPNOTSUPP && errno != ENOSYS) fail(path_, "fallocate");
  if (::ftruncate(fd_, bytes) != 0) fail(path_, "ftruncate");
}

void OutputFile::write_at(std::int64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), std::min<std::size_t>(bytes.size(), kDiskPiece), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(path_, "pwrite");
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += n;
    waiting_ += n;
    if (waiting_ >= kDiskPiece) start_disk();
  }
}

// The kernel keeps what is written in memory until somebody syncs it. Told so, the disk works meanwhile;
// where it can't be told, the sync takes longer, and fails if something failed.
void OutputFile::start_disk() {
  ::sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE);
  waiting_ = 0;
}

void OutputFile::close() {
  start_disk();
  if (::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) fail(path_, "close");
}

WriteProgress::WriteProgress(const WritePlan& plan) {
  std::unordered_set<std::string> names;
  for (const TensorInfo& tensor : plan.tensors) {
    EASYLM_CHECK(!tensor.name.empty() && tensor.name != "__metadata__",
                 "a tensor can't be named '" + tensor.name + "'");
    EASYLM_CHECK(names.insert(tensor.name).second, "two tensors are named '" + tensor.name + "'");
    tensors_.push_back({tensor.name, tensor.num_bytes()});
  }
  std::unordered_set<std::string> keys = {"format"};  // ours
  for (const auto& entry : plan.metadata) {
    EASYLM_CHECK(keys.insert(entry.first).second, "metadata '" + entry.first + "' is there twice");
  }
  for (const NamedFile& file : plan.files) {
    EASYLM_CHECK(!file.name.empty() && file.name != "." && file.name != ".." &&
                     file.name.find('/') == std::string::npos,
                 "'" + file.name + "' can't be the name of a file");
  }
}

void WriteProgress::add(std::size_t index, std::int64_t offset, std::int64_t size) {
  EASYLM_CHECK(index < tensors_.size(), "a tensor was written that the plan doesn't have");
  Tensor& tensor = tensors_[index];
  EASYLM_CHECK(offset >= 0 && size >= 0 && size <= tensor.bytes && offset <= tensor.bytes - size,
               "tensor '" + tensor.name + "' has " + std::to_string(tensor.bytes) + " bytes; bytes " +
                   std::to_string(offset) + " and up can't be written");
  EASYLM_CHECK(add_range(tensor.ranges, offset, offset + size),
               "bytes of '" + tensor.name + "' were written twice");
  tensor.written += size;
}

bool WriteProgress::is_complete(std::size_t index) const {
  return tensors_[index].written == tensors_[index].bytes;
}

void WriteProgress::check_complete() const {
  for (const Tensor& tensor : tensors_) {
    EASYLM_CHECK(tensor.written == tensor.bytes, std::to_string(tensor.bytes - tensor.written) +
                                                     " bytes of tensor '" + tensor.name +
                                                     "' were never written");
  }
}

void write_small_files(const fs::path& folder, const WritePlan& plan) {
  std::vector<NamedFile> files = plan.files;
  if (plan.stem == "model" && plan.model_config) {
    for (NamedFile& file : config_files(*plan.model_config)) {
      const bool is_given = std::any_of(plan.files.begin(), plan.files.end(),
                                        [&](const NamedFile& given) { return given.name == file.name; });
      if (!is_given) files.push_back(std::move(file));
    }
  }
  for (const NamedFile& file : files) {
    OutputFile out(folder / file.name);
    out.write_at(0, file.bytes);
    out.close();
  }
}

}  // namespace easylm
