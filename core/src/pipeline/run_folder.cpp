// Names run folders after the time of their start.
#include "pipeline/run_folder.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <system_error>

#include "easylm/error.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

std::string utc_stamp() {
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&now, &utc);
  std::array<char, 32> text = {};
  std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
  return text.data();
}

Error cannot_make(const fs::path& path, const std::error_code& reason) {
  return {ErrorCode::io, "can't make the folder " + path.string() + ": " + reason.message(),
          "choose another place with --home, or make it writable"};
}

// `latest` is a convenience: it is replaced in one step, and a file system without links goes without it.
void point_latest(const fs::path& parent, const fs::path& folder) {
  const fs::path fresh = parent / (".latest-" + std::to_string(getpid()));
  std::error_code ignored;
  fs::remove(fresh, ignored);
  fs::create_directory_symlink(folder.filename(), fresh, ignored);
  if (!ignored) fs::rename(fresh, parent / "latest", ignored);
}

}  // namespace

fs::path make_run_folder(const fs::path& home, const std::string& run_name) {
  const fs::path parent = home / run_name;
  std::error_code reason;
  fs::create_directories(parent, reason);
  if (reason) throw cannot_make(parent, reason);
  const std::string stamp = utc_stamp();
  for (int attempt = 1;; ++attempt) {
    fs::path folder = parent / (attempt == 1 ? stamp : stamp + "-" + std::to_string(attempt));
    if (fs::create_directory(folder, reason)) {
      point_latest(parent, folder);
      return folder;
    }
    if (reason) throw cannot_make(folder, reason);
  }
}

}  // namespace easylm
