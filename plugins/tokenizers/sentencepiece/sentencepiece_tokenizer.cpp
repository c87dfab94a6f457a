// Puts together the library, the added tokens and the cutting of long texts.
#include "sentencepiece_tokenizer.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>
#include <utility>

#include "easylm/error.h"
#include "easylm/hash.h"
#include "easylm/huggingface_folder.h"
#include "huggingface_files.h"

namespace easylm::tokenizers {
namespace {

constexpr std::string_view kModelName = "tokenizer.model";
constexpr std::string_view kSpaceMark = "\u2581";
constexpr std::size_t kStretch = std::size_t{1} << 16U;          // of a long text, encoded at once
constexpr std::size_t kFewBytes = 2048;                          // not worth remembering words for
constexpr std::size_t kMostKnown = std::size_t{1} << 18U;        // words
constexpr std::int64_t kMostIdsBeyond = std::int64_t{1} << 16U;  // of added tokens, after the pieces

const std::string& model_bytes(const std::vector<NamedFile>& files, const std::string& where) {
  const std::string* bytes = find_file(files, kModelName);
  // Rank 0 of every tiktoken vocabulary is "!"; some call such a file tokenizer.model too.
  if (bytes != nullptr && !bytes->starts_with("IQ== 0\n")) return *bytes;
  throw Error(ErrorCode::not_found, "tokenizer sentencepiece: there is no SentencePiece model in " + where,
              "name a folder with tokenizer.model, or the file itself");
}

std::string as_text(const std::string& piece) {
  std::string text;
  std::size_t at = 0;
  for (std::size_t mark = 0; (mark = piece.find(kSpaceMark, at)) != std::string::npos;) {
    text.append(piece, at, mark - at).append(" ");
    at = mark + kSpaceMark.size();
  }
  return text.append(piece, at);
}

char byte_of(const std::string& piece) {  // "<0x0A>"
  unsigned byte = 0;
  std::from_chars(piece.data() + 3, piece.data() + 5, byte, 16);
  return static_cast<char>(byte);
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(Host& host, const Config& config)
    : SentencePieceTokenizer(find_tokenizer_files(host, config.path.text), config.path.text) {}

SentencePieceTokenizer::SentencePieceTokenizer(std::vector<NamedFile> files, const std::string& where)
    : files_(std::move(files)),
      model_(read_model_file(model_bytes(files_, where), where)),
      prefixed_(model_bytes(files_, where), DummyPrefix::as_the_model_says, where),
      plain_(model_bytes(files_, where), DummyPrefix::never, where),
      settings_(read_tokenizer_settings(files_)),
      cuts_at_spaces_(cuts_at_spaces(model_)) {
  for (const AddedToken& token : settings_.added) {
    check_added(token, where);
    added_.emplace(token.id, token);
  }
  add_control_pieces();
  vocabulary_size_ = static_cast<std::int64_t>(model_.pieces.size());
  if (!added_.empty())
    vocabulary_size_ = std::max<std::int64_t>(vocabulary_size_, added_.rbegin()->first + 1);
  std::vector<const AddedToken*> always;
  std::vector<const AddedToken*> all;
  for (const auto& [id, token] : added_) {
    all.push_back(&token);
    if (!token.special) always.push_back(&token);
  }
  always_ = TokenFinder(std::move(always));
  all_ = TokenFinder(std::move(all));
  choose_special(where);
}

void SentencePieceTokenizer::check_added(const AddedToken& token, const std::string& where) const {
  const auto num_pieces = static_cast<std::int64_t>(model_.pieces.size());
  const std::string who = where + ": added token '" + token.text + "' has id " + std::to_string(token.id);
  if (token.id >= num_pieces + kMostIdsBeyond) {
    throw Error(ErrorCode::corrupt, who + ", and the model has " + std::to_string(num_pieces) + " pieces",
                "tokenizer_config.json belongs to another model");
  }
  if (token.id >= num_pieces) return;
  const Piece& piece = model_.pieces[static_cast<std::size_t>(token.id)];
  if (piece.text == token.text || piece.type == PieceType::control || piece.type == PieceType::unused) return;
  throw Error(ErrorCode::corrupt, who + ", which is the piece '" + piece.text + "' of the model",
              "tokenizer_config.json belongs to another model");
}

void SentencePieceTokenizer::add_control_pieces() {
  for (std::size_t i = 0; i < model_.pieces.size(); ++i) {
    if (model_.pieces[i].type != PieceType::control) continue;
    const auto id = static_cast<TokenId>(i);
    added_.try_emplace(id, AddedToken{id, model_.pieces[i].text, true, false, false});
  }
}

TokenId SentencePieceTokenizer::id_of(const std::string& name, const std::string& where) const {
  for (const auto& [id, token] : added_) {
    if (token.text == name) return id;
  }
  const auto piece = std::ranges::find(model_.pieces, name, &Piece::text);
  if (piece != model_.pieces.end()) return static_cast<TokenId>(piece - model_.pieces.begin());
  throw Error(ErrorCode::corrupt,
              where + ": a special token is named '" + name + "', and the model has no such token",
              "mend tokenizer_config.json");
}

void SentencePieceTokenizer::choose_special(const std::string& where) {
  const auto choose = [&](const std::optional<std::string>& name, TokenId of_model) {
    if (name) return std::optional(id_of(*name, where));
    return of_model < 0 ? std::nullopt : std::optional(of_model);
  };
  special_.bos = choose(settings_.bos, prefixed_.bos());
  special_.eos = choose(settings_.eos, prefixed_.eos());
  special_.pad = choose(settings_.pad, prefixed_.pad());
  special_.stop = settings_.stop;
  if (special_.eos) special_.stop.push_back(*special_.eos);
  std::ranges::sort(special_.stop);
  special_.stop.erase(std::unique(special_.stop.begin(), special_.stop.end()), special_.stop.end());
  if (special_.stop.empty() || special_.stop.back() < vocabulary_size_) return;
  throw Error(ErrorCode::corrupt,
              where + ": generation_config.json names the id " + std::to_string(special_.stop.back()) +
                  ", and there are " + std::to_string(vocabulary_size_),
              "it belongs to another model");
}

// A space goes before a text. Whether it also goes before what follows an added token is what `legacy` says.
const Processor& SentencePieceTokenizer::processor_for(std::size_t part) const {
  return part == 0 || settings_.legacy.value_or(true) ? prefixed_ : plain_;
}

void SentencePieceTokenizer::encode(std::string_view text, std::vector<TokenId>& ids) const {
  const std::vector<TextPart> parts = always_.parts(text);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].token != nullptr) {
      ids.push_back(parts[i].token->id);
      continue;
    }
    encode_words(parts[i].text, processor_for(i), ids);
  }
}

// Word by word, each different one once.
void SentencePieceTokenizer::encode_words(std::string_view text, const Processor& first,
                                          std::vector<TokenId>& ids) const {
  if (!cuts_at_spaces_ || text.size() < kFewBytes) return first.encode(text, ids);
  std::unordered_map<std::string_view, std::vector<TokenId>> known;
  std::size_t begin = next_cut(text, 0);
  first.encode(text.substr(0, begin), ids);
  while (begin < text.size()) {
    const std::size_t end = next_cut(text, begin);
    const auto [word, is_new] = known.try_emplace(text.substr(begin, end - begin));
    if (is_new) plain_.encode(word->first, word->second);
    ids.insert(ids.end(), word->second.begin(), word->second.end());
    if (known.size() == kMostKnown) known.clear();
    begin = end;
  }
}

Encoding SentencePieceTokenizer::encode_text(std::string_view text, const EncodeOptions& options) const {
  Encoding encoding;
  const auto add = [&](TokenId id, std::int64_t begin, std::int64_t end) {
    encoding.ids.push_back(id);
    encoding.offsets.push_back({begin, end});
  };
  const auto size = static_cast<std::int64_t>(text.size());
  const bool marked = options.marks == SpecialMarks::added;
  if (marked && special_.bos && settings_.add_bos.value_or(true)) add(*special_.bos, 0, 0);
  const TokenFinder& finder = options.special_text == SpecialText::as_tokens ? all_ : always_;
  const std::vector<TextPart> parts = finder.parts(text);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::int64_t begin = parts[i].text.data() - text.data();
    if (parts[i].token != nullptr) {
      add(parts[i].token->id, begin, begin + static_cast<std::int64_t>(parts[i].text.size()));
      continue;
    }
    const Processor* processor = &processor_for(i);
    for (const std::string_view stretch : stretches_of(parts[i].text)) {
      const std::size_t from = encoding.ids.size();
      processor->encode(stretch, begin, encoding);
      spread_bytes(encoding, from);
      begin += static_cast<std::int64_t>(stretch.size());
      processor = &plain_;
    }
  }
  if (marked && special_.eos && settings_.add_eos.value_or(false)) add(*special_.eos, size, size);
  return encoding;
}

std::vector<std::string_view> SentencePieceTokenizer::stretches_of(std::string_view text) const {
  return cuts_at_spaces_ ? stretches(text, kStretch) : std::vector<std::string_view>{text};
}

// The library gives all the bytes of a character to the last of its byte tokens.
void SentencePieceTokenizer::spread_bytes(Encoding& encoding, std::size_t from) const {
  std::size_t first = from;  // of the tokens of one character
  for (std::size_t i = from; i < encoding.ids.size(); ++i) {
    const TextRange whole = encoding.offsets[i];
    if (!is_byte(encoding.ids[i])) first = i + 1;
    if (first > i || whole.begin == whole.end) continue;
    if (whole.end - whole.begin == static_cast<std::int64_t>(i - first + 1)) {
      for (std::size_t k = first; k <= i; ++k) {
        const std::int64_t begin = whole.begin + static_cast<std::int64_t>(k - first);
        encoding.offsets[k] = {begin, begin + 1};
      }
    }
    first = i + 1;
  }
}

bool SentencePieceTokenizer::is_byte(TokenId id) const {
  const auto index = static_cast<std::size_t>(id);
  return index < model_.pieces.size() && model_.pieces[index].type == PieceType::byte;
}

std::string SentencePieceTokenizer::token_bytes(TokenId id) const {
  if (const auto added = added_.find(id); added != added_.end()) return added->second.text;
  require_known(id);
  const Piece& piece = model_.pieces[static_cast<std::size_t>(id)];
  if (piece.type == PieceType::byte) return {byte_of(piece.text)};
  return piece.type == PieceType::unknown ? piece.text : as_text(piece.text);
}

void SentencePieceTokenizer::require_known(TokenId id) const {
  if (added_.contains(id) || (id >= 0 && static_cast<std::size_t>(id) < model_.pieces.size())) return;
  throw Error(ErrorCode::not_found, "tokenizer sentencepiece: there is no id " + std::to_string(id) +
                                        "; ids are 0 to " + std::to_string(vocabulary_size_ - 1));
}

std::string SentencePieceTokenizer::decode(std::span<const TokenId> ids) const {
  std::string text;
  std::vector<TokenId> run;
  const Processor* processor = &prefixed_;
  const auto flush = [&] {
    if (run.empty()) return;
    text += processor->decode(run);
    processor = &plain_;
    run.clear();
  };
  for (const TokenId id : ids) {
    require_known(id);
    const auto added = added_.find(id);
    if (added == added_.end()) {
      run.push_back(id);
    } else if (!added->second.special) {
      flush();
      text += added->second.text;
      processor = &plain_;
    }
  }
  flush();
  return text;
}

std::vector<NamedFile> SentencePieceTokenizer::files() const {
  std::vector<NamedFile> files = files_;
  const auto missing = [&](std::string_view name) { return find_file(files_, name) == nullptr; };
  if (missing("tokenizer.json")) {
    const HuggingFaceView view{model_, settings_, added_,
                               settings_.add_bos.value_or(true) ? special_.bos : std::nullopt,
                               settings_.add_eos.value_or(false) ? special_.eos : std::nullopt};
    if (std::optional<std::string> json = tokenizer_json(view, plain_)) {
      files.push_back({"tokenizer.json", *std::move(json)});
    }
  }
  if (missing("tokenizer_config.json")) {
    files.push_back({"tokenizer_config.json",
                     tokenizer_config_json(special_, [&](TokenId id) { return token_bytes(id); })});
  }
  return files;
}

std::string SentencePieceTokenizer::fingerprint() const {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(*find_file(files_, kModelName))));
  for (const auto& [id, token] : added_) {
    if (token.special) continue;
    const std::string line = std::to_string(id) + " " + std::to_string(token.text.size()) + " " + token.text +
                             (token.strips_left ? " <" : "") + (token.strips_right ? " >" : "") + "\n";
    hash.update(std::as_bytes(std::span(line)));
  }
  const bool one_prefix = !settings_.legacy.value_or(true);
  return "sentencepiece/1 " + hash.finish().substr(0, 32) + (one_prefix ? " legacy=false" : "");
}

void* SentencePieceTokenizer::extension(std::string_view id) {
  return id == TextEncoder::kInterface ? static_cast<TextEncoder*>(this) : nullptr;
}

}  // namespace easylm::tokenizers
