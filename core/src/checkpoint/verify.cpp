// Reads every byte of a version, and looks for the tensor when a file is not what was saved.
#include "checkpoint/verify.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "checkpoint/manifest.h"
#include "checkpoint/measure.h"
#include "easylm/error.h"
#include "easylm/hash.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

const FileFacts* find_file(const std::vector<FileFacts>& files, std::string_view path) {
  const auto found = std::ranges::find(files, path, &FileFacts::path);
  return found == files.end() ? nullptr : &*found;
}

std::string bytes_differ(std::int64_t now, std::int64_t saved) {
  return "has " + std::to_string(now) + " bytes, and " + std::to_string(saved) + " were saved";
}

// The first tensor whose bytes are not those that were saved; none: all are as they were.
const TensorFacts* damaged_tensor(const std::vector<TensorFacts>& saved,
                                  const std::vector<TensorFacts>& now) {
  for (std::size_t i = 0; i < saved.size(); ++i) {
    if (saved[i].crc32c != now[i].crc32c) return &saved[i];
  }
  return nullptr;
}

bool same_names(const std::vector<TensorFacts>& a, const std::vector<TensorFacts>& b) {
  return std::ranges::equal(a, b, {}, &TensorFacts::name, &TensorFacts::name);
}

}  // namespace

std::string_view name_of(Damage damage) {
  switch (damage) {
    case Damage::no_folder:
      return "no_folder";
    case Damage::missing:
      return "missing";
    case Damage::size:
      return "size";
    case Damage::checksum:
      return "checksum";
    case Damage::unreadable:
      return "unreadable";
    case Damage::extra:
      return "extra";
    case Damage::disagree:
      return "disagree";
  }
  return "unknown";
}

Verifier::Verifier(const Registry& registry, FileSystem& files, VerifyDepth depth, FormatMaker make_format)
    : registry_(registry), files_(files), depth_(depth), make_format_(std::move(make_format)) {}

VerifyReport Verifier::verify_all() {
  VerifyReport report;
  for (const VersionRecord& version : registry_.list()) {
    try {
      verify(version.uri(), report);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found) throw;  // it was removed since it was listed
    }
  }
  for (const std::string& name : names_on_disk(registry_, files_)) {
    std::ranges::move(find_orphans(name, registry_, files_), std::back_inserter(report.leftovers));
  }
  return report;
}

void Verifier::verify(const std::string& reference, VerifyReport& report) {
  const VersionDetails details = registry_.details(reference);
  const FolderLock in_use = files_.try_share(details.version.path);
  VerifyReport found;
  found.versions = 1;
  verify_files(details, found);
  if (!found.findings.empty())
    registry_.resolve(details.version.uri());  // throws if it was removed meanwhile
  report.versions += found.versions;
  report.files += found.files;
  report.bytes += found.bytes;
  std::ranges::move(found.findings, std::back_inserter(report.findings));
}

void Verifier::verify_files(const VersionDetails& details, VerifyReport& report) {
  const VersionRecord& version = details.version;
  if (!files_.exists(version.path)) {
    report.findings.push_back(
        {Damage::no_folder, version.uri(), {}, {}, version.path.string() + " is gone, with all its files"});
    return;
  }
  std::vector<FileFacts> manifest;
  verify_manifest(details, manifest, report);
  for (const FileFacts& saved : details.files) {
    const std::size_t before = report.findings.size();
    verify_file(version.path, saved, report, {Damage::checksum, version.uri(), saved.path, {}, {}});
    if (report.findings.size() == before || report.findings.back().damage != Damage::checksum) continue;
    const FileFacts* with_tensors = find_file(manifest, saved.path);
    if (with_tensors != nullptr) locate(version.path, *with_tensors, version.format, report.findings.back());
  }
  find_extra(details, report);
}

// `finding` says what is looked at.
void Verifier::verify_file(const fs::path& folder, const FileFacts& saved, VerifyReport& report,
                           Finding finding) {
  const auto add = [&](Damage damage, std::string message) {
    finding.damage = damage;
    finding.message = saved.path + " " + std::move(message);
    report.findings.push_back(std::move(finding));
  };
  const fs::path file = folder / saved.path;
  std::error_code problem;
  const fs::file_status status = fs::symlink_status(file, problem);
  if (!fs::exists(status)) return add(Damage::missing, "is missing");
  if (!fs::is_regular_file(status)) return add(Damage::missing, "is no longer a file");
  ++report.files;
  std::int64_t bytes = 0;
  std::uint32_t checksum = 0;
  Sha256 sha256;
  try {
    files_.read_pieces(file, [&](std::span<const std::byte> piece) {
      bytes += static_cast<std::int64_t>(piece.size());
      checksum = crc32c(piece, checksum);
      if (depth_ == VerifyDepth::full) sha256.update(piece);
    });
  } catch (const Error& error) {
    return add(Damage::unreadable, "can't be read: " + error.message());
  }
  report.bytes += bytes;
  if (bytes != saved.bytes) return add(Damage::size, bytes_differ(bytes, saved.bytes));
  if (checksum != saved.crc32c) return add(Damage::checksum, "is damaged: its CRC32C is not what was saved");
  if (depth_ == VerifyDepth::full && sha256.finish() != saved.sha256) {
    add(Damage::checksum, "is damaged: its SHA-256 is not what was saved");
  }
}

// Adds to `manifest` what it says, if it can be read. That its own bytes are what was saved is looked at with
// the other files.
void Verifier::verify_manifest(const VersionDetails& details, std::vector<FileFacts>& manifest,
                               VerifyReport& report) {
  const auto disagree = [&](const std::string& message) {
    report.findings.push_back(
        {Damage::disagree, details.version.uri(), std::string(kManifestPath), {}, message});
  };
  const VersionRecord& version = details.version;
  try {
    const VersionManifest told = read_manifest(files_, version.path);
    manifest = told.files;
    if (told.step != version.step || told.tokens != version.tokens) {
      disagree("the manifest says step " + std::to_string(told.step) + " and " + std::to_string(told.tokens) +
               " tokens, and the registry step " + std::to_string(version.step) + " and " +
               std::to_string(version.tokens));
    }
  } catch (const Error& error) {
    return disagree("the manifest can't be read: " + error.message());
  }
  for (const FileFacts& told : manifest) {
    const FileFacts* row = find_file(details.files, told.path);
    if (row == nullptr) {
      disagree("the manifest names " + told.path + ", and the registry doesn't");
    } else if (row->bytes != told.bytes || row->crc32c != told.crc32c || row->sha256 != told.sha256) {
      disagree("the manifest and the registry give different checksums for " + told.path);
    }
  }
  for (const FileFacts& row : details.files) {
    if (row.path == kManifestPath || find_file(manifest, row.path) != nullptr) continue;
    disagree("the registry names " + row.path + ", and the manifest doesn't");
  }
}

void Verifier::find_extra(const VersionDetails& details, VerifyReport& report) {
  std::error_code problem;
  auto entry = fs::recursive_directory_iterator(details.version.path, problem);
  for (; !problem && entry != fs::recursive_directory_iterator(); entry.increment(problem)) {
    if (entry->is_directory() && !entry->is_symlink()) continue;
    const std::string path = entry->path().lexically_relative(details.version.path).generic_string();
    if (find_file(details.files, path) != nullptr) continue;
    report.findings.push_back(
        {Damage::extra, details.version.uri(), path, {}, path + " doesn't belong to the version"});
  }
  if (problem) {
    report.findings.push_back({Damage::unreadable,
                               details.version.uri(),
                               {},
                               {},
                               details.version.path.string() + " can't be read: " + problem.message()});
  }
}

// A file of the right size whose bytes changed: in which tensor, or outside of them.
void Verifier::locate(const fs::path& folder, const FileFacts& saved, const std::string& format,
                      Finding& finding) {
  if (saved.tensors.empty()) return;
  const std::shared_ptr<CheckpointFormat> made = make_format_(format);
  if (!made) return;
  const std::string in_header = saved.path + " is damaged in its header";
  try {
    const std::vector<TensorFacts> now = tensor_facts(*made->open(folder / saved.path));
    const TensorFacts* damaged =
        same_names(saved.tensors, now) ? damaged_tensor(saved.tensors, now) : nullptr;
    finding.tensor = damaged == nullptr ? "" : damaged->name;
    finding.message =
        damaged == nullptr ? in_header : saved.path + " is damaged in tensor '" + damaged->name + "'";
  } catch (const Error& error) {
    finding.message = in_header + ": " + error.message();
  }
}

}  // namespace easylm
