// registry tag, untag, alias, unalias, history, rollback.
#include <algorithm>
#include <iostream>
#include <string>

#include "easylm/error.h"
#include "registry/reference.h"
#include "registry/registry.h"
#include "registry/report.h"
#include "verb.h"

namespace easylm::app {
namespace {

// "3", "shakespeare:3", "shakespeare@best": a version of `name`.
std::int64_t number_of(const Registry& registry, const std::string& name, const std::string& version) {
  const bool is_number =
      !version.empty() && std::ranges::all_of(version, [](char c) { return c >= '0' && c <= '9'; });
  const VersionRecord found = registry.resolve(is_number ? name + ":" + version : version);
  if (found.name == name) return found.number;
  throw Error(ErrorCode::invalid_config, found.uri() + " is not a version of '" + name + "'",
              "an alias of '" + name + "' points at one of its own versions");
}

// Throws if `reference` is no version, before a registry to write in would be made.
void require_version(const Invocation& invocation, const std::string& reference) {
  Registry(invocation.home, RegistryAccess::read).resolve(reference);
}

void say_where(const std::string& name, const std::string& alias, std::int64_t number) {
  std::cerr << name << "@" << alias
            << (number == 0 ? " points nowhere" : " points at " + uri_of(name, number)) << "\n";
}

}  // namespace

int tag_version(const Invocation& invocation) {
  const std::string& pair = invocation.words[1];
  const std::size_t equals = pair.find('=');
  const std::string key = pair.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : pair.substr(equals + 1);
  require_version(invocation, invocation.words[0]);
  Registry registry(invocation.home, RegistryAccess::write);
  registry.tag(invocation.words[0], key, value);
  std::cerr << registry.resolve(invocation.words[0]).uri() << " has the tag " << key
            << (value.empty() ? "" : "=" + value) << "\n";
  return 0;
}

int untag_version(const Invocation& invocation) {
  require_version(invocation, invocation.words[0]);
  Registry registry(invocation.home, RegistryAccess::write);
  const std::string& key = invocation.words[1];
  const VersionRecord version = registry.resolve(invocation.words[0]);
  if (std::ranges::find(version.tags, key, &NamedTexts::value_type::first) == version.tags.end()) {
    throw Error(ErrorCode::not_found, version.uri() + " has no tag '" + key + "'",
                "easylm registry show " + version.uri() + " lists its tags");
  }
  registry.untag(version.uri(), key);
  std::cerr << version.uri() << " has no tag " << key << " any more\n";
  return 0;
}

int set_alias(const Invocation& invocation) {
  const std::string &name = invocation.words[0], &alias = invocation.words[1];
  require_version(invocation, name);
  Registry registry(invocation.home, RegistryAccess::write);
  const std::int64_t number = number_of(registry, name, invocation.words[2]);
  registry.set_alias(name, alias, number);
  say_where(name, alias, number);
  return 0;
}

int remove_alias(const Invocation& invocation) {
  const std::string &name = invocation.words[0], &alias = invocation.words[1];
  require_version(invocation, name);
  Registry registry(invocation.home, RegistryAccess::write);
  registry.remove_alias(name, alias);
  say_where(name, alias, 0);
  return 0;
}

int roll_back_alias(const Invocation& invocation) {
  const std::string &name = invocation.words[0], &alias = invocation.words[1];
  require_version(invocation, name);
  Registry registry(invocation.home, RegistryAccess::write);
  say_where(name, alias, registry.roll_back_alias(name, alias).number);
  return 0;
}

int show_history(const Invocation& invocation) {
  const Registry registry(invocation.home, RegistryAccess::read);
  const auto moves = registry.alias_history(invocation.words[0], invocation.words[1]);
  std::cout << (invocation.has("json") ? history_json(invocation.words[0], moves)
                                       : history_text(invocation.words[0], moves));
  return 0;
}

}  // namespace easylm::app
