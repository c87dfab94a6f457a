// Tokenizers that each break one rule. A component is called like the test that must find it.
#include "easylm/tokenizer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "easylm/error.h"
#include "easylm/sdk/plugin.h"
#include "easylm/utf8.h"

namespace easylm {
namespace {

constexpr TokenId kEnd = 256;

// What the others break a rule of: a byte an id, and an end token.
class Good : public Tokenizer, public TextEncoder {
 public:
  using Tokenizer::kInterface;
  struct Config {
    static void describe(Schema<Config>& /*s*/) {}
  };
  Good(Host& /*host*/, const Config& /*config*/) {
    special_.eos = kEnd;
    special_.stop = {kEnd};
  }

  std::int64_t vocabulary_size() const override { return 257; }
  void encode(std::string_view text, std::vector<TokenId>& ids) const override {
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  }
  std::string token_bytes(TokenId id) const override {
    if (id < 0 || id > kEnd) throw Error(ErrorCode::not_found, "there is no id " + std::to_string(id));
    return id == kEnd ? "<end>" : std::string(1, static_cast<char>(id));
  }
  std::string decode(std::span<const TokenId> ids) const override {
    std::string text;
    for (const TokenId id : ids) {
      const std::string bytes = token_bytes(id);
      if (id != kEnd) text += bytes;
    }
    return text;
  }
  const SpecialTokens& special() const override { return special_; }
  std::vector<NamedFile> files() const override { return {{"zoo.txt", "bytes"}}; }
  std::string fingerprint() const override { return "zoo/1"; }

  void* extension(std::string_view id) override {
    return id == TextEncoder::kInterface ? static_cast<TextEncoder*>(this) : nullptr;
  }
  Encoding encode_text(std::string_view text, const EncodeOptions& options) const override {
    Encoding encoding;
    for (std::size_t at = 0; at < text.size();) {
      const bool is_end =
          options.special_text == SpecialText::as_tokens && text.substr(at).starts_with("<end>");
      const std::size_t size = is_end ? 5 : 1;
      encoding.ids.push_back(is_end ? kEnd : static_cast<unsigned char>(text[at]));
      encoding.offsets.push_back({static_cast<std::int64_t>(at), static_cast<std::int64_t>(at + size)});
      at += size;
    }
    return encoding;
  }

 protected:
  SpecialTokens special_;
};

struct Outside : Good {
  using Good::Good;
  std::int64_t vocabulary_size() const override { return 200; }
};

struct Clears : Good {
  using Good::Good;
  void encode(std::string_view text, std::vector<TokenId>& ids) const override {
    ids.clear();
    Good::encode(text, ids);
  }
};

struct Grows : Good {
  using Good::Good;
  std::string decode(std::span<const TokenId> ids) const override { return " " + Good::decode(ids); }
};

struct Shouts : Good {
  using Good::Good;
  std::string decode(std::span<const TokenId> ids) const override {
    std::string text = Good::decode(ids);
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return text;
  }
};

struct Strict : Good {
  using Good::Good;
  void encode(std::string_view text, std::vector<TokenId>& ids) const override {
    if (!is_utf8(text)) throw Error(ErrorCode::corrupt, "this is no UTF-8");
    Good::encode(text, ids);
  }
};

struct Lenient : Good {
  using Good::Good;
  std::string token_bytes(TokenId id) const override {
    return id < 0 || id > kEnd ? "?" : Good::token_bytes(id);
  }
};

struct Unknown : Good {
  using Good::Good;
  std::string token_bytes(TokenId id) const override {
    if (id < 0 || id > kEnd) throw std::out_of_range("id");
    return Good::token_bytes(id);
  }
};

struct NeverStops : Good {
  NeverStops(Host& host, const Config& config) : Good(host, config) { special_.stop.clear(); }
};

struct ShowsEnd : Good {
  using Good::Good;
  std::string decode(std::span<const TokenId> ids) const override {
    std::string text;
    for (const TokenId id : ids) text += token_bytes(id);
    return text;
  }
};

struct Gullible : Good {
  using Good::Good;
  void encode(std::string_view text, std::vector<TokenId>& ids) const override {
    const Encoding read = encode_text(text, {SpecialText::as_tokens, SpecialMarks::none});
    ids.insert(ids.end(), read.ids.begin(), read.ids.end());
  }
};

struct Disagrees : Good {
  using Good::Good;
  Encoding encode_text(std::string_view text, const EncodeOptions& options) const override {
    Encoding encoding = Good::encode_text(text, options);
    for (TokenId& id : encoding.ids) id = id == 'q' ? 'Q' : id;
    return encoding;
  }
};

struct Displaced : Good {
  using Good::Good;
  Encoding encode_text(std::string_view text, const EncodeOptions& options) const override {
    Encoding encoding = Good::encode_text(text, options);
    for (TextRange& range : encoding.offsets) ++range.end;
    return encoding;
  }
};

struct Blind : Good {
  using Good::Good;
  Encoding encode_text(std::string_view text, const EncodeOptions& options) const override {
    return Good::encode_text(text, {SpecialText::as_text, options.marks});
  }
};

struct Shared : Good {
  using Good::Good;
  std::string decode(std::span<const TokenId> ids) const override {
    length_ = ids.size();
    std::this_thread::sleep_for(std::chrono::microseconds(1));
    return Good::decode(ids.first(std::min(ids.size(), length_.load())));
  }
  mutable std::atomic<std::size_t> length_{0};
};

struct Unique : Good {
  using Good::Good;
  std::string fingerprint() const override {
    return "zoo/" + std::to_string(reinterpret_cast<std::uintptr_t>(this));
  }
};

struct HiddenState : Good {
  HiddenState(Host& host, const Config& config) : Good(host, config) {
    static TokenId made = 0;
    first_ = ++made;
  }
  void encode(std::string_view text, std::vector<TokenId>& ids) const override {
    Good::encode(text, ids);
    if (!text.empty() && first_ % 2 == 0) ids.front() = ids.front() == 'a' ? 'b' : ids.front();
  }
  TokenId first_;
};

struct Escapes : Good {
  using Good::Good;
  std::vector<NamedFile> files() const override { return {{"../zoo.txt", "bytes"}}; }
};

// Reads a key that it has, and nothing at it.
struct FromFiles : Good {
  struct Config {
    Path path{"/"};
    static void describe(Schema<Config>& s) { s.field("path", &Config::path, "where its files are"); }
  };
  FromFiles(Host& host, const Config& config) : Good(host, {}), path_(config.path.text) {}
  std::string fingerprint() const override { return "zoo/" + path_; }
  std::string path_;
};

struct NotThere : FromFiles {
  using FromFiles::FromFiles;
  std::string fingerprint() const override { return "zoo"; }
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("zoo-tokenizer", "1.0.0") {
  registrar.component<easylm::Outside>("ids_are_in_range", "Has ids beyond its vocabulary.");
  registrar.component<easylm::Clears>("appends_ids", "Forgets the ids that were there.");
  registrar.component<easylm::Grows>("brings_texts_back", "Puts a space before each text.");
  registrar.component<easylm::Shouts>("brings_texts_back-case", "Brings back capitals.");
  registrar.component<easylm::Strict>("takes_any_bytes", "Refuses what is no UTF-8.");
  registrar.component<easylm::Lenient>("refuses_unknown_ids", "Has a text for ids that there aren't.");
  registrar.component<easylm::Unknown>("refuses_unknown_ids-foreign", "Throws what is no Error.");
  registrar.component<easylm::NeverStops>("marks_special_tokens", "Its end token doesn't stop.");
  registrar.component<easylm::ShowsEnd>("marks_special_tokens-decode", "Shows its end token in texts.");
  registrar.component<easylm::Gullible>("reads_no_special_token", "Takes a text for its end token.");
  registrar.component<easylm::Disagrees>("encoder_agrees", "Has two opinions of the letter q.");
  registrar.component<easylm::Displaced>("encoder_agrees-offsets", "Its offsets go beyond the text.");
  registrar.component<easylm::Blind>("encoder_reads_special_tokens", "Doesn't find its end token.");
  registrar.component<easylm::Shared>("serves_many_threads", "Threads see each other's lengths.");
  registrar.component<easylm::Unique>("is_the_same_each_time", "Its fingerprint is where it lies.");
  registrar.component<easylm::HiddenState>("is_the_same_each_time-ids", "Remembers how many were made.");
  registrar.component<easylm::Escapes>("is_made_again_from_its_files", "Names a file above its folder.");
  registrar.component<easylm::FromFiles>("is_made_again_from_its_files-path", "Is another one elsewhere.");
  registrar.component<easylm::NotThere>("refuses_a_folder_without_files", "Needs none of its files.");
}
