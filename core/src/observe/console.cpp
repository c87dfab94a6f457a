// Writes lines and the status line with the three terminal codes that every terminal knows.
#include "observe/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace easylm {
namespace {

constexpr std::size_t kDefaultColumns = 80;
constexpr std::string_view kEraseLine = "\r\x1b[K";

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read at the start
  return value == nullptr ? "" : value;
}

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::size_t columns_of(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultColumns;
  return size.ws_col;
}

// The first `columns` characters of UTF-8 text; continuation bytes take no column.
std::string_view cut(std::string_view text, std::size_t columns) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool starts_character = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    if (starts_character && used++ == columns) return text.substr(0, i);
  }
  return text;
}

}  // namespace

TerminalFacts TerminalFacts::of(int descriptor) {
  return {::isatty(descriptor) == 1, variable("NO_COLOR"), variable("TERM")};
}

StatusLine status_line_for(const TerminalFacts& facts) {
  const bool can_rewrite = facts.is_terminal && !facts.term.empty() && facts.term != "dumb";
  return can_rewrite ? StatusLine::rewritten : StatusLine::plain;
}

Colour colour_for(const TerminalFacts& facts) {
  const bool wanted = facts.no_color.empty() && status_line_for(facts) == StatusLine::rewritten;
  return wanted ? Colour::always : Colour::never;
}

Console::Console(ConsoleStyle style, Write write, Columns columns)
    : style_(style), write_(std::move(write)), columns_(std::move(columns)) {}

Console Console::standard_error() {
  const TerminalFacts facts = TerminalFacts::of(STDERR_FILENO);
  return {{colour_for(facts), status_line_for(facts)},
          [](std::string_view text) { write_all(STDERR_FILENO, text); },
          [] { return columns_of(STDERR_FILENO); }};
}

void Console::print(std::string_view line) {
  const std::lock_guard lock(mutex_);
  erase();
  write_(std::string(line) + "\n");
  draw();
}

void Console::status(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (style_.status_line == StatusLine::plain) {
    write_(std::string(line) + "\n");
    return;
  }
  status_ = line;
  drawn_ = true;
  draw();
}

void Console::finish_status() {
  const std::lock_guard lock(mutex_);
  if (drawn_) write_("\n");
  drawn_ = false;
}

void Console::clear_status() {
  const std::lock_guard lock(mutex_);
  erase();
  drawn_ = false;
}

void Console::erase() {
  if (drawn_) write_(kEraseLine);
}

// One column stays free: some terminals wrap when the last one is filled.
void Console::draw() {
  if (!drawn_) return;
  const std::size_t columns = columns_();
  write_(std::string(kEraseLine) + std::string(cut(status_, columns > 1 ? columns - 1 : 1)));
}

}  // namespace easylm
