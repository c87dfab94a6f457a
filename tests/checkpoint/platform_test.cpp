// The file layer's own promises, checksums, and JSON as plain data.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "easylm/error.h"
#include "easylm/hash.h"
#include "easylm/json.h"
#include "platform/clock.h"
#include "platform/files.h"
#include "support/temporary_folder.h"

namespace easylm {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Hash, Crc32cMatchesThePublishedVectors) {
  for (const auto& crc : {&crc32c, &crc32c_portable}) {
    EXPECT_EQ(crc(bytes_of(""), 0), 0U);
    EXPECT_EQ(crc(bytes_of("123456789"), 0), 0xE3069283U);
    EXPECT_EQ(crc(bytes_of(std::string(32, '\0')), 0), 0x8A9136AAU);  // RFC 3720, B.4
    EXPECT_EQ(crc(bytes_of(std::string(32, '\xff')), 0), 0x62A8AB43U);
  }
}

TEST(Hash, Crc32cIsTheSameInPiecesAndOnBothPaths) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 7 + i / 13);
  for (std::size_t cut = 0; cut < 40; ++cut) {
    const auto all = bytes_of(text).subspan(cut);
    EXPECT_EQ(crc32c(all), crc32c_portable(all));
    EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all));
  }
}

TEST(Hash, Sha256MatchesThePublishedVector) {
  Sha256 hash;
  hash.update(bytes_of("a"));
  hash.update(bytes_of("bc"));
  EXPECT_EQ(hash.finish(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Files, ErrorsNamePathCallAndReason) {
  const testing::TemporaryFolder folder;
  FileSystem files;
  files.write_new_file(folder.path() / "a", "x");
  try {
    files.write_new_file(folder.path() / "a", "y");
    FAIL() << "overwrote a file";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_EQ(error.message(), (folder.path() / "a").string() + ": open failed: File exists");
    EXPECT_FALSE(error.hint().empty());
  }
  EXPECT_EQ(files.read_file(folder.path() / "a", 10), "x");
  EXPECT_THROW(files.read_file(folder.path() / "a", 0), Error);
  EXPECT_THROW(files.create_folder(folder.path() / "no/such"), Error);
}

TEST(Files, RemovingATreeDoesNotFollowLinks) {
  const testing::TemporaryFolder folder;
  FileSystem files;
  files.create_folders(folder.path() / "kept");
  files.write_new_file(folder.path() / "kept/file", "x");
  files.create_folders(folder.path() / "gone/deep/deeper");
  std::filesystem::create_symlink(folder.path() / "kept", folder.path() / "gone/deep/link");
  files.remove_tree(folder.path() / "gone");
  files.remove_tree(folder.path() / "gone");
  EXPECT_FALSE(files.exists(folder.path() / "gone"));
  EXPECT_TRUE(files.exists(folder.path() / "kept/file"));
}

TEST(Files, ALockIsHeldByOne) {
  const testing::TemporaryFolder folder;
  FileSystem files;
  {
    const FolderLock lock = files.try_lock(folder.path());
    EXPECT_TRUE(lock.held());
    EXPECT_FALSE(files.try_lock(folder.path()).held());
  }
  EXPECT_TRUE(files.try_lock(folder.path()).held());
  EXPECT_FALSE(files.try_lock(folder.path() / "none").held());
}

TEST(Clock, WritesTimesThatSort) {
  EXPECT_EQ(utc_now().size(), std::string("2026-11-24T19:26:17.123Z").size());
  const auto earlier = utc_now();
  EXPECT_LE(earlier, utc_now());
  EXPECT_EQ(utc_now_compact().size(), std::string("20261124T192617Z").size());
}

TEST(Json, ReadsBackWhatItWrote) {
  const std::string text = R"({
  "integer": -9007199254740993,
  "real": 1e-05,
  "whole": 3.0,
  "text": "h\u00e9 \"q\" \n",
  "list": [1, 2],
  "tables": [
    {
      "a": true
    },
    {}
  ]
}
)";
  const Table table = parse_json_object(text, "test");
  EXPECT_EQ(json_text(parse_json(json_text(table), "test")), json_text(table));
  EXPECT_EQ(*table.find("integer")->as<std::int64_t>(), -9007199254740993);
  EXPECT_EQ(*table.find("whole")->as<double>(), 3.0);
  EXPECT_EQ(*table.find("text")->as<std::string>(), "hé \"q\" \n");
}

TEST(Json, LeavesOutNullMembers) {
  const Table table = parse_json_object(R"({"a": null, "b": {"c": null}})", "test");
  ASSERT_EQ(table.settings.size(), 1U);
  EXPECT_TRUE(table.find("b")->as<Table>()->settings.empty());
}

TEST(Json, RefusesWhatIsNotStrict) {
  const std::vector<std::string> bad = {"",
                                        "{",
                                        "{\"a\":1,}",
                                        "{'a':1}",
                                        "[1] 2",
                                        "{\"a\":1,\"a\":2}",
                                        "[null]",
                                        "NaN",
                                        "// x\n1",
                                        "\"\xff\"",
                                        std::string(200, '['),
                                        "{\"a\":01}"};
  for (const std::string& text : bad) {
    try {
      parse_json(text, "some.json");
      ADD_FAILURE() << "accepted " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt);
      EXPECT_EQ(error.message().rfind("some.json", 0), 0U) << error.message();
    }
  }
  EXPECT_THROW(parse_json_object("[]", "some.json"), Error);
}

}  // namespace
}  // namespace easylm
