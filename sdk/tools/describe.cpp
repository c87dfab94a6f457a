// easylm-describe PLUGIN OUT.json: loads a plugin that was just built, as the host would, and writes the
// description of its components for embedding in its file.
#include <cstdio>
#include <exception>
#include <fstream>
#include <vector>

#include "easylm/error.h"
#include "plugin/description_json.h"
#include "plugin/inspect.h"
#include "plugin/loader.h"

namespace {

using namespace easylm;

std::vector<ComponentDescription> describe(const char* file) {
  InspectedPlugin plugin = inspect_plugin(file, Trust::own_build);
  plugin.components.reset();  // what an earlier build embedded doesn't count
  for (const std::string& reason : plugin.reasons)
    std::fprintf(stderr, "error: %s: %s\n", file, reason.c_str());
  if (!plugin.reasons.empty()) throw Error(ErrorCode::plugin, "the plugin just built can't be loaded");
  std::vector<ComponentDescription> components;
  for (const ComponentFactory& factory : load_plugin(plugin).factories) {
    components.push_back(factory.description);
  }
  return components;
}

void write(const char* file, const std::string& text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) throw Error(ErrorCode::io, std::string("can't write ") + file);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: easylm-describe PLUGIN.so OUT.json\n", stderr);
    return 2;
  }
  try {
    write(argv[2], descriptions_to_json(describe(argv[1])));
    return 0;
  } catch (const Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    if (!e.hint().empty()) std::fprintf(stderr, "hint: %s\n", e.hint().c_str());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
  }
  return 1;
}
