// Finds the verb, parses its options, runs it, and turns whatever it throws into one sentence and an exit
// code.
#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <memory>

#include "config/did_you_mean.h"
#include "easylm/error.h"
#include "exit_code.h"
#include "model_files.h"
#include "verb.h"

namespace easylm::app {
namespace {

constexpr int kUsage = 2;
constexpr std::size_t kMostOfAGroup = 1;   // verbs of one first word that get a line each in the overview
constexpr std::size_t kGroupColumns = 76;  // letters in a line of the others

// The second words of verbs of two words that begin with `group`.
std::vector<std::string> members_of(std::string_view group) {
  std::vector<std::string> members;
  for (const Verb& verb : verbs()) {
    if (verb.name.starts_with(std::string(group) + " "))
      members.emplace_back(verb.name.substr(group.size() + 1));
  }
  return members;
}

void print_line(std::ostream& out, std::string_view name, std::string_view summary) {
  out << "  " << std::left << std::setw(19) << name << summary << "\n";
}

// A big group takes a line or two instead of one a member.
void print_folded(std::ostream& out, std::string_view group, const std::vector<std::string>& members) {
  std::string line;
  std::string name = std::string(group) + " VERB";
  for (const std::string& member : members) {
    if (line.size() + member.size() > kGroupColumns) {
      line.pop_back();
      print_line(out, name, line);
      line.clear();
      name.clear();
    }
    line += member + (member == members.back() ? "" : ", ");
  }
  print_line(out, name, line);
}

void print_group_help(std::ostream& out, const std::string& group) {
  out << "Usage: easylm [--home DIR] " << group << " VERB …\n\n";
  for (const Verb& verb : verbs()) {
    if (verb.name.starts_with(group + " ")) print_line(out, verb.name, verb.summary);
  }
  out << "\neasylm " << group << " VERB --help says more.\n";
}

void print_help(std::ostream& out) {
  out << "easylm trains, evaluates and samples LLaMA-family language models; everything is a plugin.\n\n"
         "Usage: easylm [--home DIR] VERB …\n\n";
  std::string_view last_group;
  for (const Verb& verb : verbs()) {
    const std::string_view group = verb.name.substr(0, verb.name.find(' '));
    const std::vector<std::string> members = members_of(group);
    if (members.size() <= kMostOfAGroup) {
      print_line(out, verb.name, verb.summary);
    } else if (group != last_group) {
      print_folded(out, group, members);
    }
    last_group = group;
  }
  out << "\n  --home DIR   where runs, checkpoints and the registry live (EASYLM_HOME; default: runs)\n\n"
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

// A group whose first word alone is a verb too: "tokenize" beside "tokenize train".
bool is_verb(const std::string& word) { return std::ranges::count(verbs(), word, &Verb::name) > 0; }

const Verb& take_verb(std::vector<std::string>& arguments) {
  std::string name = arguments.front();
  arguments.erase(arguments.begin());
  const std::vector<std::string> members = members_of(name);
  const bool has_member = !arguments.empty() && std::ranges::count(members, arguments.front()) > 0;
  if (is_group(name) && (has_member || !is_verb(name))) {
    if (arguments.empty() || arguments.front().starts_with('-')) {
      std::string list;
      for (const std::string& member : members) list += (list.empty() ? "" : ", ") + member;
      throw usage_error("'" + name + "' needs a second word", "one of: " + list);
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
  const auto values = std::make_shared<options::variables_map>();
  invocation.values = values;
  try {
    options::store(options::command_line_parser(arguments).options(all).positional(positions).run(), *values);
    if (!invocation.has("help")) options::notify(*values);
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

// OpenMP's threads wait for each other in a loop by default. Where another program wants a core too, that
// burns the time which the slower thread needs: docs/log.md has the figures. Read by libgomp when LibTorch
// brings it along.
void wait_without_spinning() {
  constexpr int kKeepWhatTheUserSet = 0;
  setenv("GOMP_SPINCOUNT", "1000", kKeepWhatTheUserSet);
}

int dispatch(std::vector<std::string> arguments) {
  const Globals globals = take_globals(arguments);
  if (globals.version) arguments.assign(1, "version");
  if (globals.help || arguments.empty()) {
    print_help(std::cout);
    return globals.help ? 0 : kUsage;
  }
  if (arguments.size() > 1 && is_group(arguments[0]) && !is_verb(arguments[0]) &&
      (arguments[1] == "--help" || arguments[1] == "-h")) {
    print_group_help(std::cout, arguments[0]);
    return 0;
  }
  const Verb& verb = take_verb(arguments);
  Invocation invocation = parse(verb, arguments);
  if (invocation.has("help")) {
    print_help(verb, std::cout);
    return 0;
  }
  invocation.home = std::filesystem::absolute(globals.home).lexically_normal();
  wait_without_spinning();
  return verb.run(invocation);
}

}  // namespace
}  // namespace easylm::app

int main(int argc, char** argv) {
  try {
    return easylm::app::dispatch({argv + 1, argv + argc});
  } catch (const easylm::Error& e) {
    easylm::app::say_error(e);
    return easylm::app::exit_code_of(e);
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
  }
}
