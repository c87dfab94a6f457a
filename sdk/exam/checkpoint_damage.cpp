// Cuts, changes and replaces files, and looks at what a format makes of them.
#include "checkpoint_damage.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

#include "checkpoint_files.h"
#include "easylm/error.h"

namespace easylm::exam {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPlaces = 64;  // that are damaged, one at a time

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

struct Strange {
  std::string what;
  fs::path path;
};

// Paths at which there is no checkpoint.
std::vector<Strange> strange_paths(const Subject& subject) {
  RandomStream random = subject.random("exam.garbage");
  std::string garbage(5000, '\0');
  for (char& c : garbage) c = static_cast<char>(random.below(256));
  const fs::path folder = subject.folder / "strange";
  fs::create_directories(folder / "empty_folder");
  fs::create_directories(folder / "nested" / "folder");
  write_file(folder / "empty_file", "");
  write_file(folder / "garbage", garbage);
  write_file(folder / "one_byte", "{");
  write_file(folder / "zeros", std::string(4096, '\0'));
  return {{"nothing", folder / "missing"},
          {"something below a file", folder / "garbage" / "below"},
          {"an empty folder", folder / "empty_folder"},
          {"a folder with a folder in it", folder / "nested"},
          {"an empty file", folder / "empty_file"},
          {"a file of random bytes", folder / "garbage"},
          {"a file of one byte", folder / "one_byte"},
          {"a file of zeros", folder / "zeros"},
          {"a device", "/dev/null"},
          {"an empty path", ""}};
}

int probed(const CheckpointFormat& format, const fs::path& path, const std::string& what) {
  note("probe() of " + what);
  try {
    return format.probe(path);
  } catch (const std::exception& error) {
    throw Finding("probe() of " + what + " throws, which it never may: " + error.what());
  }
}

struct DamagedFile {
  fs::path path;
  std::string bytes;  // as they were
};

std::vector<DamagedFile> files_in(const fs::path& folder) {
  std::vector<DamagedFile> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back({entry.path(), read_file(entry.path())});
  }
  std::ranges::sort(files, {}, &DamagedFile::path);
  std::erase_if(files, [](const DamagedFile& file) { return file.bytes.empty(); });
  return files;
}

// Opens and reads everything. False if that is refused, as damage may be.
bool reads(const CheckpointFormat& format, const fs::path& path, const Model* wanted,
           const std::string& what) {
  note(what);
  (void)probed(format, path, what);
  try {
    const auto reader = format.open(path);
    if (wanted != nullptr) {
      expect_tensors(*reader, *wanted, what);
    } else {
      for (std::size_t i = 0; i < reader->tensors().size(); ++i) {
        const TensorInfo& tensor = reader->tensors()[i];
        expect(tensor.num_bytes() < 1 << 26, what + ": " + shown(tensor.name) + " is said to have " +
                                                 std::to_string(tensor.num_bytes()) +
                                                 " bytes, and the file has fewer");
        (void)read_all(*reader, i);
      }
    }
    (void)reader->model_config();
    (void)reader->tokenizer_files();
    (void)reader->metadata();
  } catch (const Error& error) {
    expect(error.code() != ErrorCode::internal && error.code() != ErrorCode::plugin,
           what + " is refused with Error{" + std::string(name_of(error.code())) +
               "}, which says that the program is wrong: " + error.message());
    return false;
  }
  return true;
}

}  // namespace

void knows_no_others(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  for (const auto& [what, path] : strange_paths(subject)) {
    const int sure = probed(*format, path, what);
    expect(sure == 0, "probe() of " + what + " is " + std::to_string(sure) + ": it can't read that");
  }
}

void knows_its_own(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  const fs::path folder = subject.folder / "own";
  written_model(subject, *format, folder);
  const int sure = probed(*format, path_to_open(*format, folder), "what it wrote");
  expect(sure > 0 && sure <= 100, "probe() of what it wrote is " + std::to_string(sure) + ", of 1 to 100");
}

void refuses_what_is_none(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  for (const auto& [what, path] : strange_paths(subject)) {
    note("open() of " + what);
    try {
      (void)format->open(path);
    } catch (const Error& error) {
      expect(error.code() != ErrorCode::internal && error.code() != ErrorCode::plugin,
             "open() of " + what + " is refused as if the program were wrong: " + error.message());
      continue;
    } catch (const std::exception& error) {
      throw Finding("open() of " + what + " throws what is no Error: " + error.what());
    }
    throw Finding("open() of " + what + " succeeds");
  }
}

void survives_truncation(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  const Model model = written_model(subject, *format, subject.folder);
  const fs::path path = path_to_open(*format, subject.folder);
  const std::vector<DamagedFile> files = files_in(subject.folder);
  for (std::size_t i = 0; i < kPlaces; ++i) {
    const DamagedFile& file = files[i % files.size()];
    const std::size_t size = i * file.bytes.size() / kPlaces;
    write_file(file.path, std::string_view(file.bytes).substr(0, size));
    reads(*format, path, &model,
          file.path.filename().string() + " of " + std::to_string(file.bytes.size()) + " bytes, cut to " +
              std::to_string(size));
    write_file(file.path, file.bytes);
  }
}

void survives_damage(const Subject& subject) {
  const auto format = subject.make<CheckpointFormat>();
  written_model(subject, *format, subject.folder);
  const fs::path path = path_to_open(*format, subject.folder);
  RandomStream random = subject.random("exam.damage");
  const std::vector<DamagedFile> files = files_in(subject.folder);
  for (std::size_t i = 0; i < kPlaces; ++i) {
    const DamagedFile& file = files[i % files.size()];
    // Most of what can be misread lies at the start.
    const std::size_t within = i % 4 == 0 ? file.bytes.size() : std::min<std::size_t>(file.bytes.size(), 600);
    const std::size_t at = random.below(within);
    std::string bytes = file.bytes;
    bytes[at] = static_cast<char>(static_cast<unsigned>(bytes[at]) ^ (1 + random.below(255)));
    write_file(file.path, bytes);
    reads(*format, path, nullptr,
          file.path.filename().string() + " with byte " + std::to_string(at) + " changed");
    write_file(file.path, file.bytes);
  }
}

}  // namespace easylm::exam
