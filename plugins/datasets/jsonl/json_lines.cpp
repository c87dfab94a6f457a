// Lines are views of blocks, and each keeps its block alive.
#include "json_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "easylm/error.h"
#include "json_example.h"

namespace easylm::datasets {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20U;

}  // namespace

JsonLines::JsonLines(std::vector<DataFile> files, const ExampleEncoder& encoder)
    : files_(std::move(files)), encoder_(encoder) {}

JsonLines::~JsonLines() { close_file(); }

bool JsonLines::read(RawExample& raw) {
  while (place_.file < static_cast<std::int64_t>(files_.size())) {
    if (open_file_ != place_.file) open_file(place_.file);
    std::string_view line;
    if (!next_line(line)) {
      begin_file({place_.file + 1, 0, 0, place_.example});
      continue;
    }
    raw = {place_, line, 0, block_};
    const bool has_newline = used_ + line.size() < block_->size();
    const std::size_t size = line.size() + (has_newline ? 1 : 0);
    used_ += size;
    place_.offset += static_cast<std::int64_t>(size);
    ++place_.line;
    ++place_.example;
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) return true;
  }
  return false;
}

// The line at used_, without its newline; false at the end of the file.
bool JsonLines::next_line(std::string_view& line) {
  std::size_t searched = used_;
  for (;;) {
    const std::size_t end = block_->find('\n', searched);
    if (end != std::string::npos) {
      line = std::string_view(*block_).substr(used_, end - used_);
      return true;
    }
    const std::size_t unfinished = block_->size() - used_;
    if (!read_more()) {
      line = std::string_view(*block_).substr(used_);
      return !line.empty();
    }
    searched = unfinished;  // of the new block, which begins at the line
  }
}

// Puts a new block in place that begins at used_ and has more bytes; false if the file has no more.
bool JsonLines::read_more() {
  const std::size_t kept = block_->size() - used_;
  const std::size_t wanted = std::max(kChunk, kept);  // doubles, so that a long line costs linear time
  auto fresh = std::make_shared<std::string>(kept + wanted, '\0');
  std::copy_n(block_->begin() + static_cast<std::ptrdiff_t>(used_), kept, fresh->begin());
  const std::size_t got =
      read_at(place_.offset + static_cast<std::int64_t>(kept), fresh->data() + kept, wanted);
  if (got == 0) return false;
  fresh->resize(kept + got);
  block_ = std::move(fresh);
  used_ = 0;
  return true;
}

std::size_t JsonLines::read_at(std::int64_t offset, char* into, std::size_t size) const {
  for (;;) {
    const ssize_t got = ::pread(fd_, into, size, static_cast<off_t>(offset));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    throw Error(ErrorCode::io,
                "dataset jsonl: " + files_[static_cast<std::size_t>(open_file_)].path.string() +
                    " cannot be read: " + std::generic_category().message(errno),
                "check the disk");
  }
}

void JsonLines::open_file(std::int64_t file) {
  close_file();
  const std::string path = files_[static_cast<std::size_t>(file)].path.string();
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) {
    throw Error(ErrorCode::io,
                "dataset jsonl: " + path + " cannot be opened: " + std::generic_category().message(errno),
                "check its permissions");
  }
  open_file_ = file;
  block_ = std::make_shared<std::string>();
  used_ = 0;
}

void JsonLines::close_file() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  open_file_ = -1;
}

void JsonLines::begin_file(const ExamplePlace& place) {
  close_file();
  place_ = place;
}

void JsonLines::seek(const ExamplePlace& place) {
  const auto fail = [](const std::string& message) {
    throw Error(ErrorCode::corrupt, "dataset jsonl: " + message,
                "resume with the data that the run began with");
  };
  const auto num_files = static_cast<std::int64_t>(files_.size());
  if (place.file < 0 || place.file > num_files || place.offset < 0 || place.line < 0 || place.example < 0) {
    fail("there is no file " + std::to_string(place.file) + ", byte " + std::to_string(place.offset));
  }
  if (place.file == num_files) {
    if (place.offset != 0) fail("there is nothing behind the last file");
    begin_file(place);
    return;
  }
  open_file(place.file);
  struct stat facts {};
  const std::string& name = files_[static_cast<std::size_t>(place.file)].name;
  if (::fstat(fd_, &facts) != 0 || place.offset > facts.st_size) {
    fail("byte " + std::to_string(place.offset) + " is beyond the end of " + name);
  }
  char before = '\n';
  if (place.offset > 0 && place.offset < facts.st_size) read_at(place.offset - 1, &before, 1);
  if (before != '\n') fail("no line of " + name + " begins at byte " + std::to_string(place.offset));
  place_ = place;
}

void JsonLines::decode(const RawExample& raw, Example& example) const {
  read_json_example(raw.bytes, encoder_, example);
}

std::string JsonLines::where(const ExamplePlace& place) const {
  if (place.file >= static_cast<std::int64_t>(files_.size())) return "end";
  return files_[static_cast<std::size_t>(place.file)].name + ":" + std::to_string(place.line + 1);
}

}  // namespace easylm::datasets
