// Colour, the status line, and how lines and status share a terminal.
#include "observe/console.h"

#include <gtest/gtest.h>

#include "recording_console.h"

namespace easylm {
namespace {

using testing::kPlainStyle;
using testing::kTerminalStyle;
using testing::RecordingConsole;

TEST(TerminalFacts, ColourOnlyOnATerminal) {
  EXPECT_EQ(colour_for({.is_terminal = true, .no_color = "", .term = "xterm"}), Colour::always);
  EXPECT_EQ(colour_for({.is_terminal = false, .no_color = "", .term = "xterm"}), Colour::never);
}

TEST(TerminalFacts, NoColorIsHonouredAndKeepsTheStatusLine) {
  const TerminalFacts facts{.is_terminal = true, .no_color = "1", .term = "xterm"};
  EXPECT_EQ(colour_for(facts), Colour::never);
  EXPECT_EQ(status_line_for(facts), StatusLine::rewritten);
}

TEST(TerminalFacts, ADumbTerminalGetsPlainLines) {
  for (const char* term : {"dumb", ""}) {
    const TerminalFacts facts{.is_terminal = true, .no_color = "", .term = term};
    EXPECT_EQ(colour_for(facts), Colour::never);
    EXPECT_EQ(status_line_for(facts), StatusLine::plain);
  }
}

TEST(Console, RewritesTheStatusLineInPlace) {
  RecordingConsole recording(kTerminalStyle);
  recording.console().status("one");
  recording.console().status("two");
  EXPECT_EQ(recording.text(), "\r\x1b[Kone\r\x1b[Ktwo");
}

TEST(Console, PrintsLinesAboveTheStatusLine) {
  RecordingConsole recording(kTerminalStyle);
  recording.console().status("s");
  recording.console().print("line");
  EXPECT_EQ(recording.text(), "\r\x1b[Ks\r\x1b[Kline\n\r\x1b[Ks");
}

TEST(Console, GoesOnBelowAFinishedStatusLine) {
  RecordingConsole recording(kTerminalStyle);
  recording.console().status("s");
  recording.console().finish_status();
  recording.console().print("line");
  EXPECT_EQ(recording.text(), "\r\x1b[Ks\nline\n");
}

TEST(Console, TakesTheStatusLineAwayForOtherOutput) {
  RecordingConsole recording(kTerminalStyle);
  recording.console().status("s");
  recording.console().clear_status();
  recording.console().print("line");
  EXPECT_EQ(recording.text(), "\r\x1b[Ks\r\x1b[Kline\n");
}

TEST(Console, CutsTheStatusLineByCharactersToTheWidth) {
  RecordingConsole recording(kTerminalStyle, 4);
  recording.console().status("äöüß");
  EXPECT_EQ(recording.text(), "\r\x1b[Käöü");
}

TEST(Console, WritesNoTerminalCodesWithoutATerminal) {
  RecordingConsole recording(kPlainStyle, 4);
  recording.console().status("a long status");
  recording.console().print("line");
  recording.console().finish_status();
  EXPECT_EQ(recording.text(), "a long status\nline\n");
}

}  // namespace
}  // namespace easylm
