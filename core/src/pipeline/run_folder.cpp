// Names run folders after the time of their start.
#include "pipeline/run_folder.h"

#include <unistd.h>

#include <system_error>

#include "easylm/error.h"
#include "platform/clock.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

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

// A folder that nobody else has: `<parent>/<stem>`, or with a number behind it.
fs::path make_own_folder(const fs::path& parent, const std::string& stem) {
  std::error_code reason;
  fs::create_directories(parent, reason);
  if (reason) throw cannot_make(parent, reason);
  for (int attempt = 1;; ++attempt) {
    fs::path folder = parent / (attempt == 1 ? stem : stem + "-" + std::to_string(attempt));
    if (fs::create_directory(folder, reason)) return folder;
    if (reason) throw cannot_make(folder, reason);
  }
}

}  // namespace

fs::path make_run_folder(const fs::path& home, const std::string& run_name) {
  const fs::path parent = home / run_name;
  fs::path folder = make_own_folder(parent, utc_now_compact());
  point_latest(parent, folder);
  return folder;
}

fs::path make_bench_folder(const fs::path& home, const std::string& run_name) {
  return make_own_folder(home / "bench", run_name + "-" + utc_now_compact());
}

}  // namespace easylm
