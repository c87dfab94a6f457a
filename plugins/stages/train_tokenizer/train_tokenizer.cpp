// The stage 'train_tokenizer': a byte-pair tokenizer learned from texts, as a folder that others load too.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "bpe_trainer.h"
#include "easylm/data_files.h"
#include "easylm/mapped_file.h"
#include "easylm/sdk/plugin.h"
#include "easylm/stage.h"
#include "styles.h"
#include "tokenizer_files.h"
#include "word_counter.h"

namespace easylm::stages {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMainFile = "tokenizer.json";
constexpr std::int64_t kReportEvery = 256;

class TrainTokenizer final : public Stage {
 public:
  struct Config {
    std::vector<std::string> paths;
    std::int64_t vocabulary_size = 0;
    std::string style = "llama3";
    std::vector<std::string> special_tokens;
    Path output;

    static void describe(Schema<Config>& s) {
      s.field("paths", &Config::paths,
              "text files, and folders: every *.txt below them; each file is one text")
          .required();
      s.field("vocabulary_size", &Config::vocabulary_size, "number of ids, special tokens and all")
          .at_least(257)
          .at_most(1 << 24)
          .unit("tokens")
          .required();
      s.field("style", &Config::style,
              "how texts are cut into words, and the special tokens: of gpt2 or llama3 (bytes), or of llama2 "
              "(characters, falling back to bytes)")
          .one_of({"gpt2", "llama2", "llama3"});
      s.field("special_tokens", &Config::special_tokens, "special tokens beside those of the style");
      s.field("output", &Config::output, "a folder for the tokenizer's files; made if it isn't there")
          .required();
    }
  };

  TrainTokenizer(Host& host, const Config& config)
      : host_(host), config_(config), style_(tokenizer_style(config.style)) {
    style_.last_tokens.insert(style_.last_tokens.end(), config.special_tokens.begin(),
                              config.special_tokens.end());
  }

  void run(StageContext& context) override {
    const fs::path folder = config_.output.text;
    if (fs::exists(folder / kMainFile)) {
      throw Error(ErrorCode::invalid_config, "there is a tokenizer in " + folder.string() + " already",
                  "choose another `output`, or remove it first");
    }
    require_different_tokens();
    const WordCounts words = count_words(context);
    const BpeTask task{style_.first_tokens, style_.byte_level ? byte_letters() : std::vector<std::string>{},
                       config_.vocabulary_size - static_cast<std::int64_t>(style_.last_tokens.size())};
    TrainedBpe trained = train_bpe(words, task, [&](std::int64_t size) {
      if (size % kReportEvery != 0) return;
      require_no_stop();
      context.progress(size, task.vocabulary_size);
    });
    for (const std::string& token : style_.last_tokens) add_last(trained, token);
    write(folder, tokenizer_files(style_, trained, special_tokens()));
    report(context, trained);
  }

 private:
  std::vector<std::string> special_tokens() const {
    std::vector<std::string> special = style_.last_tokens;
    if (!style_.byte_level) special.insert(special.begin(), {"<unk>", style_.bos, style_.eos});
    return special;
  }

  void require_different_tokens() const {
    std::vector<std::string> tokens = special_tokens();
    std::ranges::sort(tokens);
    const auto twice = std::ranges::adjacent_find(tokens);
    if (twice == tokens.end() && (tokens.empty() || !tokens.front().empty())) return;
    throw Error(ErrorCode::invalid_config,
                twice == tokens.end() ? "a special token is empty"
                                      : "the special token '" + *twice + "' is there twice",
                "change special_tokens; those of the style are always there");
  }

  void require_no_stop() const {
    if (host_.stop().requested()) throw Error(ErrorCode::interrupted, "training the tokenizer was stopped");
  }

  WordCounts count_words(StageContext& context) const {
    std::vector<DataFile> files;
    for (const std::string& path : config_.paths) {
      DataFiles found = find_data_files(fs::absolute(path), ".txt", "stage train_tokenizer");
      if (found.files.empty()) {
        throw Error(ErrorCode::not_found, "there is no *.txt file in " + path,
                    "name text files, or folders with some");
      }
      files.insert(files.end(), found.files.begin(), found.files.end());
    }
    WordCounter counter(style_);
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
      require_no_stop();
      context.progress(static_cast<std::int64_t>(i), static_cast<std::int64_t>(files.size()));
      if (fs::file_size(files[i].path) == 0) continue;
      const MappedFile file(files[i].path);
      counter.add({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()});
      bytes += static_cast<std::int64_t>(file.bytes().size());
    }
    WordCounts words = counter.finish();
    if (words.empty()) {
      throw Error(ErrorCode::invalid_config, "there is no text in the files: all are empty",
                  "name files with text");
    }
    host_.info("tokenizer", "words counted",
               {{"files", static_cast<std::int64_t>(files.size())},
                {"bytes", bytes},
                {"words", static_cast<std::int64_t>(words.size())}});
    return words;
  }

  static void add_last(TrainedBpe& trained, const std::string& token) {
    if (std::ranges::find(trained.tokens, token) != trained.tokens.end()) {
      throw Error(ErrorCode::invalid_config,
                  "the special token '" + token + "' is also a token that the text gave",
                  "choose another name for it");
    }
    trained.tokens.push_back(token);
  }

  // The main file comes last: where it is, all are.
  static void write(const fs::path& folder, std::vector<NamedFile> files) {
    std::partition(files.begin(), files.end(), [](const NamedFile& file) { return file.name != kMainFile; });
    std::error_code problem;
    fs::create_directories(folder, problem);
    for (const NamedFile& file : files) {
      const fs::path part = folder / (file.name + ".part");
      std::ofstream out(part, std::ios::binary | std::ios::trunc);
      out << file.bytes;
      out.close();
      if (out) fs::rename(part, folder / file.name, problem);
      if (out && !problem) continue;
      throw Error(ErrorCode::io, (folder / file.name).string() + " can't be written",
                  "is there space, and may you write there?");
    }
  }

  void report(StageContext& context, const TrainedBpe& trained) const {
    const auto size = static_cast<std::int64_t>(trained.tokens.size());
    if (size < config_.vocabulary_size) {
      host_.warn("tokenizer", "the text gives fewer tokens than were asked for: all its words are tokens",
                 {{"tokens", size}, {"vocabulary_size", config_.vocabulary_size}});
    }
    context.progress(size, size);
    host_.info("tokenizer", "trained",
               {{"style", style_.name},
                {"tokens", size},
                {"merges", static_cast<std::int64_t>(trained.merges.size())},
                {"folder", config_.output.text}});
  }

  Host& host_;
  Config config_;
  TokenizerStyle style_;
};

}  // namespace
}  // namespace easylm::stages

EASYLM_PLUGIN("easylm-stage-train-tokenizer", "0.1.0") {
  registrar.component<easylm::stages::TrainTokenizer>("train_tokenizer",
                                                      "Learns a byte-pair tokenizer from texts.");
}
