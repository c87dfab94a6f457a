// Finds the verb, parses its options, runs it, and turns whatever it throws into one sentence and an exit
// code.
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>

#include "config/did_you_mean.h"
#include "easylm/error.h"
#include "exit_code.h"
#include "verb.h"

namespace easylm::app {
namespace {

constexpr int kUsage = 2;

void print_help(std::ostream& out) {
  out << "easylm trains, evaluates and samples LLaMA-family language models; everything is a plugin.\n\n"
         "Usage: easylm [--home DIR] VERB …\n\n";
  for (const Verb& verb : verbs()) {
    out << "  " << std::left << std::setw(18) << verb.name << verb.summary << "\n";
  }
  out << "\n  --home DIR   where runs, checkpoints and the registry live (EASYLM_HOME; default: runs)\n"
         "  --version    the version of EasyLM\n\n"
         "easylm VERB --help says more. Begin with: easylm run configs/shakespeare.toml\n";
}

void print_help(const Verb& verb, std::ostream& out) {
  out << "easylm " << verb.name << " " << verb.usage << ": " << verb.summary << "\n\n" << options_of(verb);
}

Error usage_error(const std::string& message, const std::string& hint) {
  return {ErrorCode::invalid_config, message, hint};
}

// What stands before the verb.
struct Globals {
  std::filesystem::path home = "runs";
  bool help = false;
  bool version = false;
};

Globals take_globals(std::vector<std::string>& arguments) {
  Globals globals;
  if (const char* home = std::getenv("EASYLM_HOME"); home != nullptr && *home != '\0') globals.home = home;
  while (!arguments.empty() && arguments.front().starts_with('-')) {
    const std::string flag = arguments.front();
    arguments.erase(arguments.begin());
    if (flag == "--help" || flag == "-h") {
      globals.help = true;
    } else if (flag == "--version") {
      globals.version = true;
    } else if (flag.starts_with("--home=")) {
      globals.home = flag.substr(7);
    } else if (flag == "--home" && !arguments.empty()) {
      globals.home = arguments.front();
      arguments.erase(arguments.begin());
    } else {
      throw usage_error("unknown option '" + flag + "'", "easylm --help lists what there is");
    }
  }
  return globals;
}

bool is_group(const std::string& word) {
  return std::ranges::any_of(verbs(), [&](const Verb& verb) { return verb.name.starts_with(word + " "); });
}

const Verb& take_verb(std::vector<std::string>& arguments) {
  std::string name = arguments.front();
  arguments.erase(arguments.begin());
  if (is_group(name)) {
    if (arguments.empty() || arguments.front().starts_with('-')) {
      std::string members;
      for (const Verb& verb : verbs()) {
        if (verb.name.starts_with(name + " ")) {
          members += (members.empty() ? "" : ", ") + std::string(verb.name.substr(name.size() + 1));
        }
      }
      throw usage_error("'" + name + "' needs a second word", "one of: " + members);
    }
    name += " " + arguments.front();
    arguments.erase(arguments.begin());
  }
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) {
    if (verb.name == name) return verb;
    names.emplace_back(verb.name);
  }
  const std::string near = nearest(name, names);
  throw usage_error("there is no verb '" + name + "'",
                    near.empty() ? "easylm --help lists what there is" : "did you mean '" + near + "'?");
}

Invocation parse(const Verb& verb, const std::vector<std::string>& arguments) {
  const options::options_description own = options_of(verb);
  options::options_description all;
  all.add(own).add_options()("word", options::value<std::vector<std::string>>());
  options::positional_options_description positions;
  positions.add("word", -1);
  Invocation invocation;
  try {
    options::store(options::command_line_parser(arguments).options(all).positional(positions).run(),
                   invocation.values);
    if (!invocation.has("help")) options::notify(invocation.values);
  } catch (const options::error& e) {
    throw usage_error(e.what(), "easylm " + std::string(verb.name) + " --help says what it takes");
  }
  invocation.words = invocation.list("word");
  const auto count = static_cast<int>(invocation.words.size());
  if (!invocation.has("help") && (count < verb.min_words || count > verb.max_words)) {
    throw usage_error("usage: easylm " + std::string(verb.name) + " " + std::string(verb.usage),
                      "easylm " + std::string(verb.name) + " --help says what it takes");
  }
  return invocation;
}

int dispatch(std::vector<std::string> arguments) {
  const Globals globals = take_globals(arguments);
  if (globals.version) {
    std::cout << "easylm " << EASYLM_VERSION << "\n";
    return 0;
  }
  if (globals.help || arguments.empty()) {
    print_help(std::cout);
    return globals.help ? 0 : kUsage;
  }
  const Verb& verb = take_verb(arguments);
  Invocation invocation = parse(verb, arguments);
  if (invocation.has("help")) {
    print_help(verb, std::cout);
    return 0;
  }
  invocation.home = std::filesystem::absolute(globals.home).lexically_normal();
  return verb.run(invocation);
}

}  // namespace
}  // namespace easylm::app

int main(int argc, char** argv) {
  try {
    return easylm::app::dispatch({argv + 1, argv + argc});
  } catch (const easylm::Error& e) {
    std::cerr << "error: " << e.message() << "\n";
    if (!e.hint().empty()) std::cerr << "hint: " << e.hint() << "\n";
    return easylm::app::exit_code_of(e);
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
  }
}
