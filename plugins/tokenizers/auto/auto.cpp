// The tokenizer 'auto': the first of the installed ones that finds its kind of files at a path.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "easylm/sdk/plugin.h"
#include "easylm/tokenizer.h"

namespace easylm {
namespace {

constexpr std::string_view kName = "auto";
constexpr const char* kPathKey = "path";

class Auto : public Tokenizer {
 public:
  struct Config {
    Path path;

    static void describe(Schema<Config>& s) {
      s.field(kPathKey, &Config::path, "a folder, a file or a checkpoint that holds a tokenizer")
          .must_exist()
          .required();
    }
  };

  Auto(Host& host, const Config& config) {
    std::string refusals;
    for (const std::string& name : host.available(kKind)) {
      const std::vector<std::string> keys = host.keys(kKind, name);
      if (name == kName || std::ranges::find(keys, kPathKey) == keys.end()) continue;
      try {
        chosen_ = host.make<Tokenizer>(table_of(name, config.path.text));
      } catch (const Error& error) {
        if (error.code() != ErrorCode::not_found) throw;
        refusals += (refusals.empty() ? "" : "; ") + error.message();
        continue;
      }
      host.info("tokenizer", "chosen", {{"type", name}, {"path", config.path.text}});
      return;
    }
    throw Error(ErrorCode::not_found,
                "no installed tokenizer reads what is in " + config.path.text + ": " +
                    (refusals.empty() ? "none of them reads files" : refusals),
                "name a folder with tokenizer.json or tokenizer.model, or the tokenizer itself");
  }

  std::int64_t vocabulary_size() const override { return chosen_->vocabulary_size(); }
  void encode(std::string_view text, std::vector<TokenId>& ids) const override { chosen_->encode(text, ids); }
  std::string token_bytes(TokenId id) const override { return chosen_->token_bytes(id); }
  std::string decode(std::span<const TokenId> ids) const override { return chosen_->decode(ids); }
  const SpecialTokens& special() const override { return chosen_->special(); }
  std::vector<NamedFile> files() const override { return chosen_->files(); }
  std::string fingerprint() const override { return chosen_->fingerprint(); }
  void* extension(std::string_view id) override { return chosen_->extension(id); }

 private:
  static Table table_of(const std::string& name, const std::string& path) {
    Table table;
    table.type = name;
    table.set(kPathKey, {path, {}});
    return table;
  }

  std::shared_ptr<Tokenizer> chosen_;
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("easylm-tokenizer-auto", "0.1.0") {
  registrar.component<easylm::Auto>("auto", "The installed tokenizer that reads the files at a path.");
}
