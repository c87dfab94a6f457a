// The pre-tokenizers of a tokenizer.json.
#include "pre_tokenizer.h"

#include <array>
#include <optional>
#include <utility>

#include "json_members.h"
#include "model.h"
#include "regex.h"
#include "split_behavior.h"
#include "unicode.h"

namespace easylm::tokenizers::bpe {
namespace {

// Cuts into words.
class Scan final : public PreTokenizer {
 public:
  explicit Scan(std::unique_ptr<WordScanner> scanner) : scanner_(std::move(scanner)) {}
  const WordScanner* words() const override { return scanner_.get(); }
  void apply(Pieces& pieces) const override {
    std::vector<Piece> cut;
    std::array<std::uint32_t, 512> ends{};
    const std::string_view text = pieces.text.view().text;
    for (const Piece& piece : pieces.pieces) {
      if (piece.token >= 0) {
        cut.push_back(piece);
        continue;
      }
      const std::string_view part = text.substr(piece.begin, piece.end - piece.begin);
      for (std::uint32_t at = 0; at < part.size();) {
        const std::size_t count = scanner_->scan(part, at, ends);
        for (std::size_t i = 0; i < count; ++i) {
          cut.push_back({piece.begin + at, piece.begin + ends[i]});
          at = ends[i];
        }
      }
    }
    pieces.pieces = std::move(cut);
  }

 private:
  std::unique_ptr<WordScanner> scanner_;
};

// Finds parts, and does with them what a behavior says.
class Split final : public PreTokenizer {
 public:
  Split(PartFinder finder, SplitBehavior behavior) : finder_(std::move(finder)), behavior_(behavior) {}
  void apply(Pieces& pieces) const override { split_pieces(pieces, finder_, behavior_); }

 private:
  PartFinder finder_;
  SplitBehavior behavior_;
};

// A step that rewrites each piece into a new text.
template <typename Write>
void rewrite(Pieces& pieces, const Write& write) {
  SpannedText text(pieces.text.keeps_spans());
  const SpannedView whole = pieces.text.view();
  for (Piece& piece : pieces.pieces) {
    const std::uint32_t begin = text.size();
    const SpannedView part = whole.part(piece.begin, piece.end);
    if (piece.token >= 0) {
      text.copy(part);
    } else {
      write(part, piece, text);
    }
    piece.begin = begin;
    piece.end = text.size();
  }
  pieces.text = std::move(text);
}

class SpellBytes final : public PreTokenizer {
 public:
  bool only_spells_bytes() const override { return true; }
  void apply(Pieces& pieces) const override {
    std::string letter;
    rewrite(pieces, [&](SpannedView part, const Piece& /*piece*/, SpannedText& out) {
      for (std::size_t i = 0; i < part.text.size(); ++i) {
        letter.clear();
        append_utf8(letter, letter_of_byte(static_cast<unsigned char>(part.text[i])));
        out.put(letter, span_at(part, i));
      }
    });
  }
};

class PrefixSpace final : public PreTokenizer {
 public:
  void apply(Pieces& pieces) const override {
    rewrite(pieces, [](SpannedView part, const Piece& /*piece*/, SpannedText& out) {
      if (!part.text.starts_with(' ')) out.put(" ", span_at(part, 0));
      out.copy(part);
    });
  }
};

class Metaspace final : public PreTokenizer {
 public:
  explicit Metaspace(MetaspaceSettings settings) : settings_(std::move(settings)) {}
  bool needs_spans() const override { return settings_.scheme == PrependScheme::first; }
  void apply(Pieces& pieces) const override {
    const bool has_spans = pieces.text.keeps_spans();
    rewrite(pieces, [&](SpannedView part, const Piece& piece, SpannedText& out) {
      const std::string& mark = settings_.replacement;
      const bool has_mark = part.text.starts_with(' ') || part.text.starts_with(mark);
      const std::uint32_t source_begin =
          has_spans ? span_at(part, 0).begin : pieces.source_begin + piece.begin;
      if (!has_mark && (settings_.scheme == PrependScheme::always ||
                        (settings_.scheme == PrependScheme::first && source_begin == 0))) {
        out.put(mark, span_at(part, 0));
      }
      for (std::size_t at = 0; at < part.text.size();) {
        const std::size_t space = std::min(part.text.find(' ', at), part.text.size());
        out.copy(part.part(at, space));
        if (space < part.text.size()) out.put(mark, span_at(part, space));
        at = space + 1;
      }
    });
    if (!settings_.split) return;
    const PartFinder finder = [&](std::string_view text) {
      return parts_by_string(settings_.replacement, text);
    };
    split_pieces(pieces, finder, SplitBehavior::merged_with_next);
  }

 private:
  MetaspaceSettings settings_;
};

using Steps = std::vector<std::unique_ptr<PreTokenizer>>;

void add_split(const Table& json, const std::string& where, Steps& steps) {
  const PatternText pattern = pattern_of(json, where);
  const bool invert = member<bool>(json, "invert", where);
  const SplitBehavior behavior = behavior_of(member<std::string>(json, "behavior", where), where);
  const bool keeps_matches = behavior != SplitBehavior::removed || invert;
  if (pattern.is_regex && keeps_matches && behavior != SplitBehavior::contiguous) {
    // These patterns match all of any text, so that there is nothing between matches to be treated otherwise.
    if (auto known = make_known_scanner(pattern.text)) {
      steps.push_back(std::make_unique<Scan>(std::move(known)));
      return;
    }
  }
  PartFinder finder;
  if (pattern.is_regex) {
    auto regex = std::make_shared<const Regex>(pattern.text, where);
    if (behavior == SplitBehavior::isolated) {
      steps.push_back(std::make_unique<Scan>(make_regex_scanner(std::move(regex))));
      return;
    }
    finder = [regex](std::string_view text) { return parts_by_regex(*regex, text); };
  } else {
    finder = [text = pattern.text](std::string_view in) { return parts_by_string(text, in); };
  }
  if (invert) finder = inverted(std::move(finder));
  steps.push_back(std::make_unique<Split>(std::move(finder), behavior));
}

void add_byte_level(const Table& json, const std::string& where, Steps& steps) {
  if (member<bool>(json, "add_prefix_space", where)) steps.push_back(std::make_unique<PrefixSpace>());
  if (member_or<bool>(json, "use_regex", true, where)) {
    steps.push_back(std::make_unique<Scan>(make_known_scanner(kGpt2Pattern)));
  }
  steps.push_back(std::make_unique<SpellBytes>());
}

void add_steps(const Table& json, const std::string& where, Steps& steps) {
  const std::string& type = type_of(json, where);
  if (type == "Sequence") {
    for (const Value& step : member<List>(json, "pretokenizers", where)) {
      add_steps(table_of(step, where), where, steps);
    }
  } else if (type == "ByteLevel") {
    add_byte_level(json, where, steps);
  } else if (type == "Split") {
    add_split(json, where, steps);
  } else if (type == "Metaspace") {
    steps.push_back(std::make_unique<Metaspace>(metaspace_settings(json, where)));
  } else if (type == "Digits" && member<bool>(json, "individual_digits", where)) {
    steps.push_back(std::make_unique<Scan>(make_digit_scanner()));
  } else if (type == "Digits") {
    steps.push_back(std::make_unique<Split>(parts_by_class(kNumber), SplitBehavior::contiguous));
  } else if (type == "Punctuation") {
    const auto behavior = behavior_of(member_or<std::string>(json, "behavior", "Isolated", where), where);
    steps.push_back(std::make_unique<Split>(parts_by_class(kPunctuation), behavior));
  } else if (type == "WhitespaceSplit") {
    steps.push_back(std::make_unique<Split>(parts_by_class(kSpace), SplitBehavior::removed));
  } else if (type == "Whitespace") {
    auto regex = std::make_shared<const Regex>(R"([\w\x{200C}\x{200D}]+|[^\w\s\x{200C}\x{200D}]+)", where);
    PartFinder finder = [regex](std::string_view text) { return parts_by_regex(*regex, text); };
    steps.push_back(std::make_unique<Split>(inverted(std::move(finder)), SplitBehavior::removed));
  } else {
    throw_unsupported(where, "the pre-tokenizer '" + type + "'");
  }
}

}  // namespace

MetaspaceSettings metaspace_settings(const Table& json, const std::string& where) {
  MetaspaceSettings settings;
  settings.replacement = member<std::string>(json, "replacement", where);
  if (settings.replacement.empty() || char_at(settings.replacement, 0).size != settings.replacement.size()) {
    throw_corrupt(where, "Metaspace's replacement is no single character");
  }
  const auto scheme = member_or<std::string>(json, "prepend_scheme", "always", where);
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    throw_corrupt(where, "Metaspace has no prepend_scheme '" + scheme + "'");
  }
  settings.scheme = scheme == "always"  ? PrependScheme::always
                    : scheme == "first" ? PrependScheme::first
                                        : PrependScheme::never;
  // Old files say it by a flag, and may say no more; HF refuses the two when they disagree.
  if (!member_or<bool>(json, "add_prefix_space", true, where)) {
    if (json.find("prepend_scheme") != nullptr && settings.scheme != PrependScheme::never) {
      throw_corrupt(where, "Metaspace's add_prefix_space and prepend_scheme contradict each other");
    }
    settings.scheme = PrependScheme::never;
  }
  settings.split = member_or<bool>(json, "split", true, where);
  return settings;
}

Steps make_pre_tokenizers(const Table& json, const std::string& where) {
  Steps steps;
  add_steps(json, where, steps);
  return steps;
}

}  // namespace easylm::tokenizers::bpe
