// Texts in many scripts, bytes that are none, and what a TextEncoder says of both.
#include "tokenizer_texts.h"

#include <algorithm>
#include <array>

namespace easylm::exam {
namespace {

using namespace std::string_view_literals;

constexpr std::array kPlainTexts{
    ""sv,
    "a"sv,
    " "sv,
    "\n"sv,
    "Hello, world!"sv,
    "The quick brown fox can't jump over 13 lazy dogs; they're 4.5 m high (or 1,234,567 mm)."sv,
    "  leading, double  and trailing spaces  "sv,
    "line one\nline two\r\n\r\n\n\n\tindented\n"sv,
    "int main() {\n\tfor (int i = 0; i < 10; ++i) std::printf(\"%d\\n\", i);  // 0…9\n\treturn 0;\n}\n"sv,
    "def f(x):\n    return {'a': [x ** 2, None], \"b\": x != 0}\n"sv,
    "Füße, naïve façade, Übergrößenträger, ĳ, ß, ſ, ﬁ"sv,
    "cafe\u0301 e\u0301\u0323 A\u030a \u1e9b\u0323"sv,
    "Съешь же ещё этих мягких французских булок"sv,
    "Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία"sv,
    "我能吞下玻璃而不伤身体。"sv,
    "いろはにほへと チリヌルヲ ﾜｶﾖ"sv,
    "다람쥐 헌 쳇바퀴에 타고파"sv,
    "مرحبا بالعالم ١٢٣"sv,
    "שָׁלוֹם עוֹלָם"sv,
    "นี่คือข้อความ"sv,
    "नमस्ते दुनिया १२३"sv,
    "🙂👩‍👩‍👧‍👦🇩🇪👍🏽 ☃ ♥ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢"sv,
    "zero\u200bwidth\u200djoiners\u00a0and\u2028separators\ufeff"sv,
    "a\0b\x01\x7f"sv,
    "<s> </s> <unk> <pad> <|endoftext|> <|im_start|>user [INST] <0x0A> ▁ Ġ Ċ"sv,
    "\U0010ffff\ue000\uffff"sv,
    "0123456789 00000000000000000000 3.14159265358979"sv,
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"sv,
    "!!!???...,,,;;;:::---___***///\\\\\\|||"sv,
};

constexpr std::array kBrokenTexts{
    "\xff"sv,
    "\x80"sv,
    "a\xc3"sv,
    "\xe2\x82"sv,
    "\xf0\x9f\x99"sv,
    "\xc0\xaf"sv,              // an overlong form
    "\xed\xa0\x80"sv,          // half a surrogate pair
    "\xf4\x90\x80\x80"sv,      // beyond U+10FFFF
    "\xf8\x88\x80\x80\x80"sv,  // of five bytes
    "\xe2\x28\xa1 \xe2\x82\x28"sv,
    "\xfe\xfe\xff\xff"sv,
    "ok \xf0\x9f\x99\x82 and \x9f\x99\x82 not"sv,
    "\0\0\0"sv,
};

TextEncoder& encoder_of(Tokenizer& tokenizer) {
  auto* encoder = extension_of<TextEncoder>(tokenizer);
  if (encoder == nullptr) throw NotApplicable("it has no " + std::string(TextEncoder::kInterface));
  return *encoder;
}

void expect_ordered(std::string_view text, const Encoding& encoding) {
  expect(encoding.offsets.size() == encoding.ids.size(),
         "encode_text() of " + shown(text) + " gives " + std::to_string(encoding.ids.size()) + " ids and " +
             std::to_string(encoding.offsets.size()) + " offsets");
  TextRange before;
  for (const TextRange& range : encoding.offsets) {
    const std::string where = "[" + std::to_string(range.begin) + ", " + std::to_string(range.end) + ")";
    const auto size = static_cast<std::int64_t>(text.size());
    expect(range.begin >= 0 && range.begin <= range.end && range.end <= size,
           "in " + shown(text) + ", of " + std::to_string(size) + " bytes, a token is at " + where);
    if (range.begin == range.end) continue;  // one without text is nowhere
    expect(range.begin >= before.begin && range.end >= before.end,
           "in " + shown(text) + " a token at " + where + " comes after one that lies further on");
    before = range;
  }
}

void expect_agreement(const Tokenizer& tokenizer, const TextEncoder& encoder, std::string_view text) {
  note("encode_text() of " + shown(text));
  const Encoding bare = encoder.encode_text(text, {});
  expect(bare.ids == ids_of(tokenizer, text),
         "encode_text() gives " + shown(text) + " other ids than encode()");
  expect_ordered(text, bare);
  const Encoding marked = encoder.encode_text(text, {SpecialText::as_text, SpecialMarks::added});
  expect_ordered(text, marked);
  expect(std::search(marked.ids.begin(), marked.ids.end(), bare.ids.begin(), bare.ids.end()) !=
                 marked.ids.end() ||
             bare.ids.empty(),
         "with marks, encode_text() of " + shown(text) + " no longer has the ids that it has without");
}

}  // namespace

std::span<const std::string_view> plain_texts() { return kPlainTexts; }

std::vector<std::string> broken_texts(const Subject& subject) {
  std::vector<std::string> texts(kBrokenTexts.begin(), kBrokenTexts.end());
  RandomStream random = subject.random("exam.broken_texts");
  for (const std::size_t size : {1U, 2U, 3U, 10U, 100U, 10'000U}) {
    std::string& text = texts.emplace_back();
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(random.below(256));
  }
  return texts;
}

std::vector<TokenId> ids_of(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<TokenId> ids;
  tokenizer.encode(text, ids);
  return ids;
}

std::vector<std::pair<std::string, TokenId>> named(const SpecialTokens& special) {
  std::vector<std::pair<std::string, TokenId>> tokens;
  if (special.bos) tokens.emplace_back("bos", *special.bos);
  if (special.eos) tokens.emplace_back("eos", *special.eos);
  if (special.pad) tokens.emplace_back("pad", *special.pad);
  return tokens;
}

void encoder_agrees(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  const TextEncoder& encoder = encoder_of(*tokenizer);
  for (const std::string_view text : kPlainTexts) expect_agreement(*tokenizer, encoder, text);
  for (const std::string& bytes : broken_texts(subject)) expect_agreement(*tokenizer, encoder, bytes);
}

void encoder_reads_special_tokens(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  const TextEncoder& encoder = encoder_of(*tokenizer);
  const auto tokens = named(tokenizer->special());
  if (tokens.empty()) throw NotApplicable("it has no special token");
  for (const auto& [name, id] : tokens) {
    const std::string word = tokenizer->token_bytes(id);
    const std::string text = "to " + word + " be";
    note("encode_text() of " + shown(text));
    const Encoding read = encoder.encode_text(text, {SpecialText::as_tokens, SpecialMarks::none});
    expect_ordered(text, read);
    const auto found = std::ranges::find(read.ids, id);
    expect(found != read.ids.end(),
           "with as_tokens, encode_text() of " + shown(text) + " doesn't find the special token " + name);
    const TextRange& range = read.offsets[static_cast<std::size_t>(found - read.ids.begin())];
    const std::string_view covered = std::string_view(text).substr(
        static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.end - range.begin));
    expect(covered.find(word) != std::string_view::npos,
           "in " + shown(text) + " the special token " + name + " is said to be at " + shown(covered));
  }
}

}  // namespace easylm::exam
