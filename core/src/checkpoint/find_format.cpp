// Asks every installed checkpoint format whether it can read something.
#include <system_error>

#include "easylm/checkpoint_format.h"
#include "easylm/error.h"

namespace easylm {

FoundFormat find_format(Host& host, const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    throw Error(ErrorCode::not_found, "there is no " + path.string(), "check the path");
  }
  FoundFormat best;
  int best_score = 0;
  std::string tried;
  for (const std::string& name : host.available(CheckpointFormat::kKind)) {
    auto format = host.make<CheckpointFormat>(Table{.type = name, .settings = {}, .origin = {}});
    const int score = format->probe(path);
    if (score > best_score) {
      best = {name, std::move(format)};
      best_score = score;
    }
    tried += (tried.empty() ? "" : ", ") + name;
  }
  if (best.format) return best;
  throw Error(ErrorCode::unsupported, "no installed checkpoint format reads " + path.string(),
              "it should be a folder with config.json and weights, or a weights file; formats tried: " +
                  (tried.empty() ? "none" : tried));
}

}  // namespace easylm
