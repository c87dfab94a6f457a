// A registry's file with flipped bytes, cut, or half of it gone: an error that says so, or an answer; no
// crash.
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <random>

#include "checkpoint/store_fixture.h"
#include "easylm/error.h"
#include "registry/report.h"
#include "support/long_form.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;
using testing::short_or_long;

struct Answers {
  int same = 0, other = 0, refused = 0;
};

class RegistryDamage : public ::testing::Test {
 protected:
  RegistryDamage() {
    Registry registry(home_, RegistryAccess::write);
    for (int run = 0; run < 5; ++run) {
      NewVersion version;
      version.name = "shakespeare";
      version.run = registry.begin_run({"shakespeare", std::string(3000, 'c'), 1, "cpu", {{"plugin", "1"}}});
      version.metrics = {{"loss", 1.5}};
      for (int file = 0; file < 8; ++file) {
        version.files.push_back({"file-" + std::to_string(file), 10, 1, std::string(64, 'a'), {}});
      }
      const VersionRecord added = registry.add_version(version, nullptr);
      registry.tag(added.uri(), "owner", "ana");
      registry.set_alias("shakespeare", "best", added.number);
    }
    healthy_ = everything(RegistryAccess::read);
  }

  std::string everything(RegistryAccess access) const {
    Registry registry(home_, access);
    std::string text = list_json(registry.list());
    for (const VersionRecord& version : registry.list()) text += show_json(registry.details(version.uri()));
    if (access == RegistryAccess::write) registry.begin_run({"next", "", 1, "cpu", {}});
    return text;
  }

  // What reading all of it comes to; an error must be one sentence for the user, not a mistake of ours.
  void look(const std::string& bytes, const std::string& where, RegistryAccess access,
            Answers& answers) const {
    fs::remove(file_.string() + "-wal");
    fs::remove(file_.string() + "-shm");
    std::ofstream(file_, std::ios::binary) << bytes;
    try {
      ++(everything(access) == healthy_ ? answers.same : answers.other);
    } catch (const Error& error) {
      ++answers.refused;
      EXPECT_NE(error.code(), ErrorCode::internal) << where << ": " << error.message();
      EXPECT_FALSE(error.hint().empty()) << where << ": " << error.message();
      EXPECT_EQ(error.message().find('\n'), std::string::npos) << where << ": " << error.message();
    }
  }

  std::string bytes_of_file() const {
    std::ifstream in(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  testing::TemporaryFolder folder_;
  fs::path home_ = folder_.path();
  fs::path file_ = home_ / "registry.sqlite";
  std::string healthy_;
};

TEST_F(RegistryDamage, FlippedBytesEndInAnErrorOrAnAnswer) {
  const std::string whole = bytes_of_file();
  std::mt19937 random(5);
  Answers answers;
  // Every byte of the header is flipped, and many of the pages.
  const int flips = short_or_long(400, 6000);
  for (int flip = 0; flip < flips; ++flip) {
    const std::size_t at = flip < 100 ? static_cast<std::size_t>(flip) : random() % whole.size();
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1U + random() % 255U));
    const auto access = flip % 2 == 0 ? RegistryAccess::read : RegistryAccess::write;
    look(damaged, "byte " + std::to_string(at), access, answers);
  }
  std::cout << flips << " flips: " << answers.refused << " refused, " << answers.same << " the right answer, "
            << answers.other << " another answer (SQLite keeps no checksum over rows)\n";
  EXPECT_GT(answers.refused, 20);
}

TEST_F(RegistryDamage, AWholePageOfNoiseEndsInAnErrorOrAnAnswer) {
  const std::string whole = bytes_of_file();
  std::mt19937 random(6);
  Answers answers;
  for (std::size_t page = 0; page < whole.size(); page += 4096) {
    for (const bool zero : {true, false}) {
      std::string damaged = whole;
      for (std::size_t i = page; i < page + 4096; ++i) damaged[i] = zero ? '\0' : static_cast<char>(random());
      look(damaged, "page " + std::to_string(page / 4096), RegistryAccess::read, answers);
    }
  }
  EXPECT_GT(answers.refused, 3);
}

TEST_F(RegistryDamage, ACutAtAnyLengthEndsInAnErrorOrAnAnswer) {
  const std::string whole = bytes_of_file();
  Answers answers;
  const auto stride = static_cast<std::size_t>(short_or_long(977, 101));
  for (std::size_t length = 1; length < whole.size(); length += stride) {
    look(whole.substr(0, length), "cut to " + std::to_string(length), RegistryAccess::read, answers);
  }
  EXPECT_EQ(answers.other, 0);
  EXPECT_GT(answers.refused, 10);
}

}  // namespace
}  // namespace easylm
