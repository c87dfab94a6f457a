// Calls sentencepiece.
#include "processor.h"

#include <sentencepiece_processor.h>

#include <exception>
#include <type_traits>

#include "easylm/error.h"

namespace easylm::tokenizers {
namespace {

static_assert(std::is_same_v<TokenId, int>, "the library speaks of ints");

// normalizer_spec { add_dummy_prefix: false }. A message that comes twice is merged, so that these bytes
// after a model change that one setting.
constexpr std::string_view kNoDummyPrefix("\x1a\x02\x18\x00", 4);

void require(const sentencepiece::util::Status& status, const std::string& what) {
  if (!status.ok())
    throw Error(ErrorCode::internal, "tokenizer sentencepiece: " + what + ": " + status.message());
}

constexpr std::size_t kMostBytes = std::size_t{1} << 30U;  // the library counts them in 32 bits

void require_short(std::string_view text) {
  if (text.size() <= kMostBytes) return;
  throw Error(ErrorCode::unsupported,
              "tokenizer sentencepiece: " + std::to_string(text.size()) +
                  " bytes of text must be seen as a whole, and 1 GiB is the most",
              "cut the text into several documents");
}

}  // namespace

struct Processor::Library {
  sentencepiece::SentencePieceProcessor processor;
};

Processor::Processor(std::string_view bytes, DummyPrefix prefix, std::string_view where)
    : library_(std::make_unique<Library>()) {
  std::string model(bytes);
  if (prefix == DummyPrefix::never) model += kNoDummyPrefix;
  std::string problem;
  try {
    const auto status = library_->processor.LoadFromSerializedProto(model);
    if (status.ok()) return;
    problem = status.message();
  } catch (const std::exception& e) {  // from the builder of its tries
    problem = e.what();
  }
  throw Error(ErrorCode::corrupt, std::string(where) + " is refused by sentencepiece: " + problem,
              "copy the file again from where it came");
}

Processor::~Processor() = default;

void Processor::encode(std::string_view text, std::vector<TokenId>& ids) const {
  require_short(text);
  std::vector<int> found;
  require(library_->processor.Encode(text, &found), "a text was not encoded");
  ids.insert(ids.end(), found.begin(), found.end());
}

void Processor::encode(std::string_view text, std::int64_t base, Encoding& encoding) const {
  require_short(text);
  sentencepiece::ImmutableSentencePieceText result;
  require(library_->processor.Encode(text, result.mutable_proto()), "a text was not encoded");
  const std::size_t size = result.pieces_size();
  for (std::size_t i = 0; i < size; ++i) {
    const auto piece = result.pieces(static_cast<int>(i));
    encoding.ids.push_back(static_cast<TokenId>(piece.id()));
    encoding.offsets.push_back({base + piece.begin(), base + piece.end()});
  }
}

std::string Processor::decode(const std::vector<TokenId>& ids) const {
  std::string text;
  require(library_->processor.Decode(ids, &text), "ids were not decoded");
  return text;
}

TokenId Processor::bos() const { return library_->processor.bos_id(); }
TokenId Processor::eos() const { return library_->processor.eos_id(); }
TokenId Processor::pad() const { return library_->processor.pad_id(); }

}  // namespace easylm::tokenizers
