// A bash completion script, made from the table of verbs.
#include <algorithm>
#include <boost/program_options.hpp>
#include <iostream>
#include <set>
#include <string>

#include "verb.h"

namespace easylm::app {
namespace {

std::string long_options(const Verb& verb) {
  std::string names;
  const options::options_description described = options_of(verb);
  for (const auto& option : described.options()) {
    names += (names.empty() ? "--" : " --") + option->long_name();
  }
  return names;
}

// The shell command that lists candidates for a positional argument.
std::string candidates(Words words) {
  switch (words) {
    case Words::none:
      return "";
    case Words::file:
      return "compgen -f -- \"$cur\"";
    case Words::model:
      return "compgen -f -W \"$(_easylm_names registry list --limit 200)\" -- \"$cur\"";
    case Words::reference:
      return "compgen -W \"$(_easylm_names registry list --limit 200)\" -- \"$cur\"";
    case Words::component:
      return "compgen -W \"$(_easylm_names plugins list)\" -- \"$cur\"";
  }
  return "";
}

std::string first_words() {
  std::set<std::string> firsts;
  for (const Verb& verb : verbs()) firsts.emplace(verb.name.substr(0, verb.name.find(' ')));
  std::string text;
  for (const std::string& first : firsts) text += first + " ";
  return text + "--home --help --version";
}

std::string second_words(const std::string& group) {
  std::string text;
  for (const Verb& verb : verbs()) {
    if (verb.name.starts_with(group + " ")) text += std::string(verb.name.substr(group.size() + 1)) + " ";
  }
  return text;
}

void print_groups(std::ostream& out) {
  std::set<std::string> groups;
  for (const Verb& verb : verbs()) {
    const std::size_t space = verb.name.find(' ');
    if (space != std::string_view::npos) groups.emplace(verb.name.substr(0, space));
  }
  for (const std::string& group : groups) {
    const auto alone = std::ranges::find(verbs(), group, &Verb::name);
    if (alone != std::ranges::end(verbs())) {  // its first word alone is a verb too
      out << "    " << group << ")\n"
          << "      if [[ $COMP_CWORD -eq 2 && \"$cur\" != -* ]]; then\n"
          << "        COMPREPLY=($(compgen -W \"" << second_words(group) << "\" -- \"$cur\"; "
          << candidates(alone->words) << ")); return\n"
          << "      fi\n"
          << "      if [[ \" " << second_words(group)
          << "\" == *\" ${COMP_WORDS[2]} \"* ]]; then verb=\"$verb ${COMP_WORDS[2]}\"; fi ;;\n";
      continue;
    }
    out << "    " << group << ")\n"
        << "      if [[ $COMP_CWORD -eq 2 ]]; then\n"
        << "        COMPREPLY=($(compgen -W \"" << second_words(group) << "\" -- \"$cur\")); return\n"
        << "      fi\n"
        << "      verb=\"$verb ${COMP_WORDS[2]}\" ;;\n";
  }
}

}  // namespace

int print_completion(const Invocation& /*invocation*/) {
  std::ostream& out = std::cout;
  out << "# bash completion for easylm\n"
         "_easylm_names() {\n"
         "  \"${COMP_WORDS[0]}\" \"$@\" --json 2>/dev/null | grep -o '\"\\(name\\|uri\\)\": *\"[^\"]*\"' |"
         " cut -d'\"' -f4 | sort -u\n"
         "}\n"
         "_easylm() {\n"
         "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" verb=\"${COMP_WORDS[1]}\"\n"
         "  COMPREPLY=()\n"
         "  if [[ $COMP_CWORD -eq 1 ]]; then\n"
         "    COMPREPLY=($(compgen -W \""
      << first_words()
      << "\" -- \"$cur\")); return\n"
         "  fi\n"
         "  case \"$verb\" in\n";
  print_groups(out);
  out << "  esac\n"
         "  case \"$verb\" in\n";
  for (const Verb& verb : verbs()) {
    out << "    '" << verb.name << "')\n"
        << "      if [[ \"$cur\" == -* ]]; then COMPREPLY=($(compgen -W \"" << long_options(verb)
        << "\" -- \"$cur\")); return; fi\n";
    const std::string positional = candidates(verb.words);
    if (!positional.empty()) out << "      COMPREPLY=($(" << positional << "))\n";
    out << "      ;;\n";
  }
  out << "  esac\n"
         "}\n"
         "complete -o filenames -F _easylm easylm\n";
  return 0;
}

}  // namespace easylm::app
