// What the generate stage may show, and when.
#include "stages/generate/text_stream.h"

#include <gtest/gtest.h>

#include <string>

namespace easylm::stages {
namespace {

// Every byte on its own, with a bar after what came of each.
std::string byte_by_byte(TextStream& stream, std::string_view bytes) {
  std::string shown;
  for (const char byte : bytes) shown += stream.push({&byte, 1}) + "|";
  return shown + stream.finish();
}

TEST(TextStream, ShowsACharacterOnlyWhenAllItsBytesAreThere) {
  TextStream stream({});
  EXPECT_EQ(byte_by_byte(stream, "aé€😀"), "a||é|||€||||😀|");
}

TEST(TextStream, ReplacesBytesThatAreNoUtf8) {
  TextStream stream({});
  EXPECT_EQ(stream.push("a\xFF\x80z"), "a\uFFFD\uFFFDz");
}

TEST(TextStream, ReplacesACharacterThatIsNeverCompleted) {
  TextStream stream({});
  EXPECT_EQ(stream.push("a\xE2\x82"), "a");
  EXPECT_EQ(stream.finish(), "\uFFFD");
}

TEST(TextStream, NeverShowsAStopString) {
  TextStream stream({"END"});
  EXPECT_EQ(byte_by_byte(stream, "oneENDtwo"), "o|n|e|||||||");
  EXPECT_TRUE(stream.stopped());
}

TEST(TextStream, ShowsWhatOnlyBeganLikeAStopString) {
  TextStream stream({"ENDE", "NO"});
  EXPECT_EQ(byte_by_byte(stream, "xENDs N"), "x||||ENDs| ||N");
  EXPECT_FALSE(stream.stopped());
}

TEST(TextStream, EndsAtTheFirstOfSeveralStopStrings) {
  TextStream stream({"ccc", "b"});
  EXPECT_EQ(stream.push("aabccc"), "aa");
  EXPECT_TRUE(stream.stopped());
}

TEST(TextStream, RefusesOverlongFormsAndSurrogates) {
  EXPECT_EQ(valid_utf8("\xC0\xAF"), "\uFFFD\uFFFD");
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST(TextStream, AnUnfinishedCharacterIsNotSettled) {
  EXPECT_EQ(settled("caf\xEF\xBF\xBD"), "caf");
  EXPECT_EQ(settled("\xEF\xBF\xBD\xEF\xBF\xBD"), "");
  EXPECT_EQ(settled("a\xEF\xBF\xBD"
                    "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(settled(""), "");
}

}  // namespace
}  // namespace easylm::stages
