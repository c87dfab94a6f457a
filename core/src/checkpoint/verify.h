// Compares what lies on disk with what the registry and the manifests promise, file by file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/sweep.h"
#include "easylm/checkpoint_format.h"
#include "easylm/export.h"
#include "platform/files.h"
#include "registry/registry.h"

namespace easylm {

enum class Damage {
  no_folder,   // a row whose folder is gone
  missing,     // a file
  size,        // another one than was saved
  checksum,    // other bytes than were saved
  unreadable,  // the operating system says no
  extra,       // a file that the registry doesn't know
  disagree,    // the manifest says something else than the registry
};
EASYLM_API std::string_view name_of(Damage damage);

struct Finding {
  Damage damage = Damage::checksum;
  std::string version;  // its URI
  std::string path;     // within its folder; empty: the folder
  std::string tensor;   // in which the damage lies; empty: none, or not known
  std::string message;  // a sentence
};

struct VerifyReport {
  std::int64_t versions = 0, files = 0, bytes = 0;  // looked at
  std::vector<Finding> findings;
  std::vector<Orphan> leftovers;  // what a crash left: no version is harmed, `registry gc` removes it
};

enum class VerifyDepth {
  quick,  // size and CRC32C
  full,   // SHA-256 too
};

// Makes the format of that name; null if none is installed. Then damage is named by file alone.
using FormatMaker = std::function<std::shared_ptr<CheckpointFormat>(const std::string& name)>;

class EASYLM_API Verifier {
 public:
  // The references outlive this.
  Verifier(const Registry& registry, FileSystem& files, VerifyDepth depth, FormatMaker make_format);

  // Adds what is found. Throws Error{not_found} for a version that isn't in the registry, and only that. One
  // that is removed meanwhile has no findings.
  void verify(const std::string& reference, VerifyReport& report);
  // Every version, and what lies beside them.
  VerifyReport verify_all();

 private:
  void verify_files(const VersionDetails& details, VerifyReport& report);
  void verify_file(const std::filesystem::path& folder, const FileFacts& saved, VerifyReport& report,
                   Finding finding);
  void verify_manifest(const VersionDetails& details, std::vector<FileFacts>& manifest, VerifyReport& report);
  void find_extra(const VersionDetails& details, VerifyReport& report);
  void locate(const std::filesystem::path& folder, const FileFacts& saved, const std::string& format,
              Finding& finding);

  const Registry& registry_;
  FileSystem& files_;
  VerifyDepth depth_;
  FormatMaker make_format_;
};

// One line a finding, and a last one that sums up.
EASYLM_API std::string verify_text(const VerifyReport& report);
// {"ok","versions","files","bytes","findings":[{"kind","version","path","tensor","message"}],
//  "leftovers":[{"path","bytes","why"}]}
EASYLM_API std::string verify_json(const VerifyReport& report);

}  // namespace easylm
