// What every component is held to, whatever its kind.
#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <optional>

#include "config/checker.h"
#include "config/diagnostics.h"
#include "config/show.h"
#include "easylm/error.h"
#include "exam.h"
#include "plugin/description_json.h"
#include "process_state.h"

namespace easylm::exam {
namespace {

void is_described(const Subject& subject) {
  const std::string embedded = descriptions_to_json({subject.described});
  const std::string registered = descriptions_to_json({subject.factory.description});
  expect(embedded == registered,
         "what the file says of " + subject.label() + " is not what it registers: rebuild the plugin");
  expect(!subject.described.doc.empty(), "it has no sentence that says what it is");
  for (const Field& field : subject.described.fields) {
    expect(!field.doc.empty(), "the key '" + field.key + "' has no meaning given");
  }
}

void can_be_made(const Subject& subject) {
  const Suite& suite = suite_of(subject.described.kind);
  expect(subject.described.interface == suite.interface,
         "it says that it implements " + subject.described.interface + "; this host knows " +
             std::string(suite.interface));
  suite.use(subject);
}

// Another value that the description allows; none if it allows no other, or none can be thought up.
std::optional<Value> other_value(const Field& field, const Value& now) {
  if (const bool* flag = now.as<bool>()) return Value{!*flag, {}};
  if (const auto* number = now.as<std::int64_t>()) {
    const bool fits = !field.maximum || static_cast<double>(*number) + 1 <= *field.maximum;
    if (!fits && field.minimum && static_cast<double>(*number) - 1 < *field.minimum) return {};
    return Value{fits ? *number + 1 : *number - 1, {}};
  }
  if (const double* number = now.as<double>()) {
    const double low = field.minimum.value_or(*number - 1);
    const double high = field.maximum.value_or(*number + 1);
    const double middle = low + (high - low) * 0.375;
    return Value{middle == *number ? low + (high - low) * 0.625 : middle, {}};
  }
  if (const auto* text = now.as<std::string>()) {
    if (field.choices.empty()) return Value{*text + "x", {}};
    for (const std::string& choice : field.choices) {
      if (choice != *text) return Value{choice, {}};
    }
  }
  return {};
}

std::optional<Value> value_for(const Field& field) {
  switch (field.type) {
    case FieldType::boolean:
      return Value{true, {}};
    case FieldType::integer:
      return Value{static_cast<std::int64_t>(field.minimum.value_or(0)), {}};
    case FieldType::real:
      return Value{field.minimum.value_or(0) + (field.exclusive_minimum ? 1e-3 : 0), {}};
    case FieldType::string:
    case FieldType::path:
      return Value{field.choices.empty() ? "x" : field.choices.front(), {}};
    case FieldType::integers:
      return Value{List{Value{std::int64_t{3}, {}}}, {}};
    case FieldType::reals:
      return Value{List{Value{0.5, {}}}, {}};
    case FieldType::strings:
      return Value{List{Value{"x", {}}}, {}};
    default:
      return {};
  }
}

void reads_every_key(const Subject& subject) {
  if (!subject.factory.echo) {
    throw NotApplicable("it wasn't registered by the SDK's registrar, so what it reads can't be seen");
  }
  for (const Field& field : subject.described.fields) {
    const Value* now = subject.settings.find(field.key);
    const std::optional<Value> other = now == nullptr ? value_for(field) : other_value(field, *now);
    if (!other) continue;
    note("the key '" + field.key + "'");
    Table changed = subject.settings;
    changed.set(field.key, *other);
    const Table echo = subject.factory.echo(changed);
    const Value* held = echo.find(field.key);
    expect(held != nullptr && toml_text(*held) == toml_text(*other),
           "the key '" + field.key + "' was set to " + toml_text(*other) + " and the component holds " +
               (held == nullptr ? "nothing" : toml_text(*held)) +
               " for it: is it bound to another key's member?");
    for (const Setting& setting : subject.settings.settings) {
      if (setting.key == field.key) continue;
      const Value* rest = echo.find(setting.key);
      expect(
          rest != nullptr && toml_text(*rest) == toml_text(setting.value),
          "setting the key '" + field.key + "' changed what the component holds for '" + setting.key + "'");
    }
  }
}

// Values at the edges of what the description allows.
std::vector<Value> edge_values(const Field& field) {
  std::vector<Value> values;
  if (field.type == FieldType::integer) {
    for (const std::int64_t x :
         {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, std::int64_t{1} << 40,
          std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
      values.push_back({x, {}});
    }
  }
  if (field.type == FieldType::real) {
    for (const double x : {-1.0, 0.0, 1e300, -1e300, 5e-324}) values.push_back({x, {}});
  }
  if (field.type == FieldType::string && field.choices.empty()) {
    for (const char* text : {"", "no such thing", "\x7f\n\xff"}) values.push_back({std::string(text), {}});
  }
  return values;
}

// The host refuses what the description forbids; what it allows, the constructor must take or refuse in
// words.
void survives_edge_values(const Subject& subject) {
  for (const Field& field : subject.described.fields) {
    for (const Value& value : edge_values(field)) {
      note("the key '" + field.key + "' = " + toml_text(value));
      Table table = subject.settings;
      table.set(field.key, value);
      try {
        subject.host.make_component(subject.described.kind, table);
      } catch (const Error& error) {
        expect(error.code() != ErrorCode::plugin && error.code() != ErrorCode::internal,
               "with '" + field.key + "' = " + toml_text(value) + ": " + error.message());
        expect(!error.message().empty(),
               "with '" + field.key + "' = " + toml_text(value) + " it is refused without a word");
      }
    }
  }
}

void knows_no_strange_extension(const Subject& subject) {
  const auto component = subject.host.make_component(subject.described.kind, subject.settings);
  for (const char* id : {"easylm.exam.no_such_thing/1", "", "easylm.", "easylm.optimizer.formula/999"}) {
    note("extension(\"" + std::string(id) + "\")");
    expect(
        component->extension(id) == nullptr,
        "extension(\"" + std::string(id) + "\") is not null: it would be used as something that it is not");
  }
}

void is_quiet(const Subject& subject) {
  for (const char* kind : {"tracker", "stage"}) {
    if (subject.described.kind == kind) throw NotApplicable("a " + std::string(kind) + " may print");
  }
  const std::string text =
      output_of(subject.folder / "output", [&] { suite_of(subject.described.kind).use(subject); });
  expect(text.empty(), "it wrote to standard output or error, which are the host's: \"" +
                           text.substr(0, std::min<std::size_t>(text.find('\n'), 100)) + "\"");
}

void leaves_the_process_alone(const Subject& subject) {
  const Suite& suite = suite_of(subject.described.kind);
  suite.use(
      subject);  // what libraries do once, such as starting their own pool of threads, is not the component's
  // A library's pool may grow for a while, and a thread that has ended be listed for a moment: only what
  // grows each time is left behind.
  constexpr int kTimes = 5;
  ProcessState before = ProcessState::now();
  for (int i = 0; i < kTimes; ++i) {
    suite.use(subject);
    suite.use(subject);
    const ProcessState after = ProcessState::now();
    const std::string changed = difference(before, after);
    if (changed.empty()) return;
    expect(after.threads > before.threads && i + 1 < kTimes,
           "after it was used twice and let go, " + changed);
    before.threads = after.threads;
  }
}

void leaks_nothing(const Subject& subject) {
  make_allocated_bytes_exact();
  const Suite& suite = suite_of(subject.described.kind);
  constexpr int kWindows = 4;
  suite.use(subject);
  const auto begin = std::chrono::steady_clock::now();
  suite.use(subject);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const int rounds = std::clamp(static_cast<int>(0.5 / (seconds + 1e-9)), 2, 20);
  for (int i = 0; i < rounds; ++i) suite.use(subject);
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (int window = 0; window < kWindows; ++window) {
    const auto before = static_cast<std::int64_t>(allocated_bytes());
    for (int i = 0; i < rounds; ++i) suite.use(subject);
    least = std::min(least, static_cast<std::int64_t>(allocated_bytes()) - before);
  }
  expect(least < 16 * rounds, "each time that it is made, used and let go, " +
                                  std::to_string(least / rounds) + " bytes or more are never freed");
}

constexpr std::array kTests{
    Test{"can_be_made", "it can be made and used, and implements the interface that it names", can_be_made},
    Test{"is_described", "what the file says of the component is what it registers, in full", is_described},
    Test{"reads_every_key", "each key that is described is read, into a place of its own", reads_every_key},
    Test{"survives_edge_values", "a value that the description allows is taken, or refused with Error",
         survives_edge_values},
    Test{"knows_no_strange_extension", "extension() of an unknown id is null", knows_no_strange_extension},
    Test{"is_quiet", "nothing is printed: what is to be said goes through Host", is_quiet},
    Test{"leaves_the_process_alone",
         "no thread, open file, signal handler or other state of the process is left changed",
         leaves_the_process_alone},
    Test{"leaks_nothing", "what a component allocates is freed with it", leaks_nothing},
};

}  // namespace

std::span<const Test> common_tests() { return kTests; }

}  // namespace easylm::exam
