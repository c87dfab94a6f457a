// An exported tar that was changed anywhere is refused, or gives exactly the version that was exported.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <random>

#include "checkpoint/archive.h"
#include "checkpoint/manifest.h"
#include "checkpoint/measure.h"
#include "checkpoint/store_fixture.h"
#include "checkpoint/transfer.h"
#include "easylm/error.h"
#include "support/long_form.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;
using testing::short_or_long;

class ArchiveTest : public testing::StoreTest {
 protected:
  ArchiveTest() {
    CheckpointStore store(options(), registry_, files_);
    save(store, 1);
    details_ = registry_.details("shakespeare:1");
    export_version(details_, file_, files_);
    std::ifstream in(file_, std::ios::binary);
    whole_ = {std::istreambuf_iterator<char>(in), {}};
  }

  // Whether it was refused; what is unpacked otherwise must be the version, file by file.
  bool is_refused(const std::string& bytes, const std::string& where) {
    const fs::path changed = folder_.path() / "changed.tar", out = folder_.path() / "out";
    testing::write_text(changed, bytes);
    files_.remove_tree(out);
    files_.create_folder(out);
    try {
      unpack_archive(changed, out, files_);
      open_manifest(files_, out);
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::internal) << where << ": " << error.message();
      EXPECT_FALSE(error.hint().empty()) << where << ": " << error.message();
      return true;
    }
    for (const FileFacts& now : measure_folder(files_, out)) {
      const auto same = std::ranges::find(details_.files, now.path, &FileFacts::path);
      if (same == details_.files.end()) continue;
      EXPECT_EQ(now.sha256, same->sha256) << where << ": " << now.path;
    }
    return false;
  }

  fs::path file_ = folder_.path() / "version.tar";
  VersionDetails details_;
  std::string whole_;
};

TEST_F(ArchiveTest, TheSameVersionGivesTheSameBytes) {
  const fs::path again = folder_.path() / "again.tar";
  export_version(details_, again, files_);
  std::ifstream in(again, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), whole_);
  EXPECT_FALSE(is_refused(whole_, "unchanged"));
}

TEST_F(ArchiveTest, AFlippedBitIsRefusedOrDoesNoHarm) {
  std::mt19937 random(9);
  int refused = 0;
  const int flips = short_or_long(200, 5000);
  for (int flip = 0; flip < flips; ++flip) {
    // Half of them in the headers and sums at the start, where most can go wrong.
    const std::size_t at = random() % (flip % 2 == 0 ? 2048 : whole_.size());
    std::string changed = whole_;
    changed[at] = static_cast<char>(changed[at] ^ (1 << random() % 8));
    refused += is_refused(changed, "byte " + std::to_string(at)) ? 1 : 0;
  }
  std::cout << flips << " flips: " << refused << " refused\n";
  EXPECT_GT(refused, flips / 2);
}

TEST_F(ArchiveTest, ACutIsRefused) {
  const std::size_t end = whole_.find_last_not_of('\0');
  for (std::size_t length = 0; length <= end; length += 512) {
    EXPECT_TRUE(is_refused(whole_.substr(0, length), "cut to " + std::to_string(length))) << length;
  }
}

}  // namespace
}  // namespace easylm
