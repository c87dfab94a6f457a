// A tokenizer from a tokenizer.json of Hugging Face.
#include "bpe_tokenizer.h"

#include <array>
#include <cstdio>
#include <limits>
#include <utility>

#include "easylm/error.h"
#include "easylm/huggingface_folder.h"
#include "special_tokens.h"

namespace easylm::tokenizers::bpe {

namespace {

// Part of the source, each byte with the span of its character.
SpannedText spanned_source(std::string_view part, std::uint32_t begin, bool keeps_spans) {
  SpannedText source(keeps_spans);
  if (!keeps_spans) source.copy({part});
  for (std::size_t at = 0; keeps_spans && at < part.size();) {
    const std::uint32_t size = char_at(part, at).size;
    const std::uint32_t from = begin + static_cast<std::uint32_t>(at);
    source.put(part.substr(at, size), {from, from + size});
    at += size;
  }
  return source;
}

bool is_inside_character(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80;
}

// The source of bytes [begin, end) of a part that lies at `source_begin`, if it has no spans: whole
// characters.
TextRange range_of(SpannedView part, std::size_t begin, std::size_t end, std::uint32_t source_begin) {
  if (part.spans != nullptr) return {part.spans[begin].begin, part.spans[end - 1].end};
  while (is_inside_character(part.text, begin)) --begin;
  while (is_inside_character(part.text, end)) ++end;
  return {static_cast<std::int64_t>(source_begin + begin), static_cast<std::int64_t>(source_begin + end)};
}

}  // namespace

// A scratch of a tokenizer for as long as one text takes.
class BpeTokenizer::ScratchLoan {
 public:
  explicit ScratchLoan(const BpeTokenizer& tokenizer) : tokenizer_(tokenizer) {
    const std::lock_guard lock(tokenizer.mutex_);
    if (!tokenizer.idle_.empty()) {
      scratch_ = std::move(tokenizer.idle_.back());
      tokenizer.idle_.pop_back();
    }
  }
  ~ScratchLoan() {
    if (!scratch_) return;
    const std::lock_guard lock(tokenizer_.mutex_);
    tokenizer_.idle_.push_back(std::move(scratch_));
  }
  ScratchLoan(const ScratchLoan&) = delete;
  ScratchLoan& operator=(const ScratchLoan&) = delete;

  Scratch& scratch() {
    if (!scratch_) scratch_ = std::make_unique<Scratch>(tokenizer_.letters_);
    scratch_->letters = tokenizer_.letters_;
    return *scratch_;
  }

 private:
  const BpeTokenizer& tokenizer_;
  std::unique_ptr<Scratch> scratch_;
};

BpeTokenizer::BpeTokenizer(Host& host, const Config& config)
    : BpeTokenizer(find_tokenizer_files(host, config.path.text), config.path.text) {}

BpeTokenizer::BpeTokenizer(std::vector<NamedFile> files, const std::string& where)
    : files_(std::move(files)) {
  const NamedFile* json = file_named(files_, "tokenizer.json");
  if (json == nullptr) {
    throw Error(ErrorCode::not_found, where + " holds no tokenizer.json",
                "a tokenizer of another kind may read it: `easylm plugins list` shows which there are");
  }
  const std::string name = where.ends_with(".json") ? where : where + ": tokenizer.json";
  assemble(read_tokenizer_file(json->bytes, name), name);
  const FindToken find = [this](std::string_view text) -> std::optional<TokenId> {
    const AddedToken* added = added_.by_content(text);
    return added != nullptr ? added->id : model_->vocabulary().find(text);
  };
  special_ = read_special_tokens(files_, find, vocabulary_size());
}

void BpeTokenizer::assemble(TokenizerFile file, const std::string& where) {
  model_ = std::move(file.model);
  fingerprint_ = file.fingerprint;
  if (file.normalizer) normalizer_ = make_normalizer(*file.normalizer, where);
  if (file.pre_tokenizer) steps_ = make_pre_tokenizers(*file.pre_tokenizer, where);
  added_ = AddedTokens(std::move(file.added_tokens), model_->vocabulary(), normalizer_.get(), where);
  if (file.post_processor) post_processor_ = PostProcessor(*file.post_processor, vocabulary_size(), where);
  if (file.decoder) decoder_ = Decoder(*file.decoder, where);

  for (const auto& step : steps_) {
    if (step->words() != nullptr) scanners_.push_back(step->words());
    needs_spans_ = needs_spans_ || (step->needs_spans() && (normalizer_ != nullptr || steps_.size() > 1));
  }
  const bool streams = !steps_.empty() && steps_.back()->only_spells_bytes() &&
                       scanners_.size() + 1 == steps_.size() && model_->can_spell_bytes();
  letters_ = streams ? Letters::bytes : Letters::characters;
}

void* BpeTokenizer::extension(std::string_view id) {
  return id == TextEncoder::kInterface ? static_cast<TextEncoder*>(this) : nullptr;
}

void BpeTokenizer::encode(std::string_view text, std::vector<TokenId>& ids) const {
  const CleanText clean(text);
  ScratchLoan loan(*this);
  Job job{clean.text(), SpecialText::as_text, ids, nullptr, ids.size(), loan.scratch()};
  encode_clean(job);
}

Encoding BpeTokenizer::encode_text(std::string_view text, const EncodeOptions& options) const {
  const CleanText clean(text);
  ScratchLoan loan(*this);
  Encoding encoding;
  for (const std::optional<TokenId>& mark : post_processor_.marks()) {
    if (!mark) {
      const std::size_t first = encoding.ids.size();
      Job job{clean.text(), options.special_text, encoding.ids, &encoding.offsets, first, loan.scratch()};
      encode_clean(job);
    } else if (options.marks == SpecialMarks::added) {
      encoding.ids.push_back(*mark);
      encoding.offsets.push_back({0, 0});
    }
  }
  for (TextRange& range : encoding.offsets) {
    range.begin = clean.source_position(static_cast<std::size_t>(range.begin));
    range.end = clean.source_position(static_cast<std::size_t>(range.end));
  }
  return encoding;
}

void BpeTokenizer::encode_clean(Job& job) const {
  if (job.text.size() >= std::numeric_limits<std::uint32_t>::max() / 4) {
    throw Error(ErrorCode::unsupported,
                "tokenizer bpe: a text of " + std::to_string(job.text.size()) +
                    " bytes is too long to encode at once",
                "encode it in pieces of less than 1 GB");
  }
  if (!added_.any(job.special_text, false)) {
    encode_plain_part(job, 0, static_cast<std::uint32_t>(job.text.size()));
    return;
  }
  std::vector<Piece> pieces;
  added_.split(job.text, 0, false, job.special_text, pieces);
  for (const Piece& piece : pieces) {
    if (piece.token < 0) {
      encode_plain_part(job, piece.begin, piece.end);
    } else {
      add_token(job, piece.token, {job.text.substr(piece.begin, piece.end - piece.begin)}, piece.begin);
    }
  }
}

// Text without tokens that are looked for before normalization.
void BpeTokenizer::encode_plain_part(Job& job, std::uint32_t begin, std::uint32_t end) const {
  const std::string_view part = job.text.substr(begin, end - begin);
  if (part.empty()) return;
  const bool keeps_spans = job.ranges != nullptr || needs_spans_;
  if (normalizer_ == nullptr || normalizer_->leaves_alone(part)) {
    encode_normal(job, {part}, begin);
    return;
  }
  const SpannedText source = spanned_source(part, begin, keeps_spans);
  SpannedText normal(keeps_spans);
  normalizer_->apply(source.view(), normal);
  encode_normal(job, normal.view(), begin);
}

// `text` is normal. Without spans its first byte is that at `source_begin`, if no normalizer changed it.
void BpeTokenizer::encode_normal(Job& job, SpannedView text, std::uint32_t source_begin) const {
  if (text.text.empty()) return;
  if (!added_.any(job.special_text, true)) {
    encode_words(job, text, source_begin);
    return;
  }
  std::vector<Piece> pieces;
  added_.split(text.text, 0, true, job.special_text, pieces);
  for (const Piece& piece : pieces) {
    const SpannedView part = text.part(piece.begin, piece.end);
    if (piece.token >= 0) {
      add_token(job, piece.token, part, source_begin + piece.begin);
    } else {
      encode_words(job, part, source_begin + piece.begin);
    }
  }
}

void BpeTokenizer::encode_words(Job& job, SpannedView text, std::uint32_t source_begin) const {
  // Where a byte has no letter, sizes come out right only when it is spelled.
  if (letters_ == Letters::characters || (job.ranges != nullptr && !model_->knows_bytes_of(text.text))) {
    job.scratch.letters = Letters::characters;
    encode_by_steps(job, text, source_begin);
    job.scratch.letters = letters_;
    return;
  }
  job.scratch.sizes.clear();
  stream_words(job, text.text, 0);
  if (job.ranges != nullptr) add_ranges(job, text, source_begin);
}

// Cuts by one scanner after the other, and encodes the words as they come.
void BpeTokenizer::stream_words(Job& job, std::string_view text, std::size_t step) const {
  if (scanners_.empty()) {
    model_->encode_piece(text, job.scratch, {job.ids, job.ranges == nullptr ? nullptr : &job.scratch.sizes});
    return;
  }
  std::array<std::uint32_t, 512> ends;
  for (std::uint32_t at = 0; at < text.size();) {
    const std::size_t count = scanners_[step]->scan(text, at, ends);
    if (step + 1 == scanners_.size()) {
      model_->encode_words(text, at, {ends.data(), count}, job.scratch,
                           {job.ids, job.ranges == nullptr ? nullptr : &job.scratch.sizes});
    } else {
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t begin = i == 0 ? at : ends[i - 1];
        stream_words(job, text.substr(begin, ends[i] - begin), step + 1);
      }
    }
    at = ends[count - 1];
  }
}

// Any pre-tokenizer, step by step, each over the whole text.
void BpeTokenizer::encode_by_steps(Job& job, SpannedView text, std::uint32_t source_begin) const {
  const bool keeps_spans = text.spans != nullptr || job.ranges != nullptr || needs_spans_;
  SpannedText copy(keeps_spans);
  if (text.spans == nullptr) {
    copy = spanned_source(text.text, source_begin, keeps_spans);
  } else {
    copy.copy(text);
  }
  const auto size = static_cast<std::uint32_t>(text.text.size());
  Pieces pieces{std::move(copy), {{0, size}}, source_begin};
  for (const auto& step : steps_) {
    step->apply(pieces);
    check_growth(size, pieces.text.size());
  }
  for (const Piece& piece : pieces.pieces) {
    const SpannedView part = pieces.text.view().part(piece.begin, piece.end);
    job.scratch.sizes.clear();
    model_->encode_piece(part.text, job.scratch,
                         {job.ids, job.ranges == nullptr ? nullptr : &job.scratch.sizes});
    if (job.ranges != nullptr) add_ranges(job, part, source_begin + piece.begin);
  }
}

void BpeTokenizer::add_token(Job& job, TokenId id, SpannedView match, std::uint32_t source_begin) const {
  job.ids.push_back(id);
  if (job.ranges == nullptr) return;
  TextRange range = range_of(match, 0, match.text.size(), source_begin);
  post_processor_.trim(job.ranges->size() - job.first_id, match.text, job.text, range);
  job.ranges->push_back(range);
}

// The ranges of the last tokens, whose sizes are in the scratch.
void BpeTokenizer::add_ranges(Job& job, SpannedView text, std::uint32_t source_begin) const {
  std::size_t at = 0;
  for (const std::uint32_t size : job.scratch.sizes) {
    TextRange range = range_of(text, at, at + size, source_begin);
    const TokenId id = job.ids[job.ranges->size()];
    post_processor_.trim(job.ranges->size() - job.first_id, model_->vocabulary().text(id), job.text, range);
    job.ranges->push_back(range);
    at += size;
  }
}

void BpeTokenizer::check_id(TokenId id) const {
  if (id >= 0 && id < vocabulary_size()) return;
  throw Error(ErrorCode::not_found, "tokenizer bpe: there is no id " + std::to_string(id) +
                                        "; ids are 0 to " + std::to_string(vocabulary_size() - 1));
}

std::string BpeTokenizer::token_bytes(TokenId id) const {
  check_id(id);
  const AddedToken* added = added_.by_id(id);
  if (added != nullptr) return added->content;
  return decoder_.bytes_of(model_->vocabulary().text(id));
}

std::string BpeTokenizer::decode(std::span<const TokenId> ids) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const TokenId id : ids) {
    check_id(id);
    const AddedToken* added = added_.by_id(id);
    if (added == nullptr) {
      tokens.emplace_back(model_->vocabulary().text(id));
    } else if (!added->special || added->pattern != added->content) {
      tokens.push_back(added->pattern);  // HF takes a special token for one by the text that it looks for
    }
  }
  return decoder_.decode(std::move(tokens));
}

std::string BpeTokenizer::fingerprint() const {
  char digits[32];
  std::snprintf(digits, sizeof digits, "bpe/1 %016llx", static_cast<unsigned long long>(fingerprint_));
  return digits;
}

}  // namespace easylm::tokenizers::bpe
