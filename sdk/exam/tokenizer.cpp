// The exam of easylm.tokenizer/1: ids, special tokens, files and threads.
#include "easylm/tokenizer.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <set>
#include <utility>

#include "easylm/error.h"
#include "suites.h"
#include "tokenizer_texts.h"

namespace easylm::exam {
namespace {

void ids_are_in_range(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  const std::int64_t size = tokenizer->vocabulary_size();
  expect(size > 0, "vocabulary_size() is " + std::to_string(size));
  for (const std::string_view text : plain_texts()) {
    note(shown(text));
    for (const TokenId id : ids_of(*tokenizer, text)) {
      expect(id >= 0 && id < size, shown(text) + " has the id " + std::to_string(id) +
                                       ", and there are only those below " + std::to_string(size));
      (void)tokenizer->token_bytes(id);
    }
  }
}

void appends_ids(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  for (const std::string_view text : plain_texts()) {
    const std::vector<TokenId> alone = ids_of(*tokenizer, text);
    std::vector<TokenId> ids{7, 7, 7};
    tokenizer->encode(text, ids);
    const bool kept = ids.size() == alone.size() + 3 &&
                      std::all_of(ids.begin(), ids.begin() + 3, [](TokenId id) { return id == 7; });
    expect(kept, "encode() of " + shown(text) + " changed the ids that were there before");
    expect(std::equal(alone.begin(), alone.end(), ids.begin() + 3),
           shown(text) + " has other ids when there are some before it");
  }
}

void brings_texts_back(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  for (const std::string_view text : plain_texts()) {
    note(shown(text));
    const std::string once = tokenizer->decode(ids_of(*tokenizer, text));
    const std::string twice = tokenizer->decode(ids_of(*tokenizer, once));
    expect(twice == once, shown(text) + " comes back as " + shown(once) + ", and that as " + shown(twice) +
                              ": what a text became must stay as it is");
  }
  const std::string_view plain = "the cat sat on the mat";
  const std::string back = tokenizer->decode(ids_of(*tokenizer, plain));
  expect(back == plain, shown(plain) + " comes back as " + shown(back));
}

void takes_any_bytes(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  for (const std::string& bytes : broken_texts(subject)) {
    note(shown(bytes));
    const std::vector<TokenId> ids = ids_of(*tokenizer, bytes);
    for (const TokenId id : ids) {
      expect(id >= 0 && id < tokenizer->vocabulary_size(),
             shown(bytes) + " has the id " + std::to_string(id));
    }
    (void)tokenizer->decode(ids);
    expect(ids_of(*tokenizer, bytes) == ids, shown(bytes) + " has other ids the second time");
  }
}

void refuses_unknown_ids(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  const auto size = static_cast<TokenId>(tokenizer->vocabulary_size());
  for (const TokenId id :
       {TokenId{-1}, size, std::numeric_limits<TokenId>::min(), std::numeric_limits<TokenId>::max()}) {
    const std::string text = std::to_string(id);
    note("the id " + text);
    expect_refusal("token_bytes(" + text + ")", {ErrorCode::not_found},
                   [&] { (void)tokenizer->token_bytes(id); });
    expect_refusal("decode({" + text + "})", {ErrorCode::not_found},
                   [&] { (void)tokenizer->decode(std::array{id}); });
  }
}

void marks_special_tokens(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  const SpecialTokens& special = tokenizer->special();
  const std::vector<TokenId> words = ids_of(*tokenizer, "so it goes");
  const std::string plain = tokenizer->decode(words);
  for (const TokenId id : special.stop) {
    expect(id >= 0 && id < tokenizer->vocabulary_size(),
           "the stop id " + std::to_string(id) + " is none of the vocabulary");
  }
  if (special.eos) {
    expect(std::ranges::find(special.stop, *special.eos) != special.stop.end(),
           "the end token " + std::to_string(*special.eos) + " is not among the ids that stop a text");
  }
  for (const auto& [name, id] : named(special)) {
    expect(id >= 0 && id < tokenizer->vocabulary_size(),
           name + " = " + std::to_string(id) + " is none of the vocabulary");
    expect(!tokenizer->token_bytes(id).empty(),
           "token_bytes() of " + name + " should be its name, and is empty");
    std::vector<TokenId> ids{id};
    ids.insert(ids.end(), words.begin(), words.end());
    ids.push_back(id);
    const std::string text = tokenizer->decode(ids);
    expect(text == plain, "decode() should leave out the special token " + name + ", and of " + shown(plain) +
                              " between two of them it makes " + shown(text));
  }
}

void reads_no_special_token(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  for (const auto& [name, id] : named(tokenizer->special())) {
    const std::string word = tokenizer->token_bytes(id);
    for (const std::string& text : {word, "a" + word + "b", "to " + word + " be", word + word}) {
      note(shown(text));
      const std::vector<TokenId> ids = ids_of(*tokenizer, text);
      expect(std::ranges::find(ids, id) == ids.end(),
             "in the text " + shown(text) + " encode() reads the special token " + name +
                 ": whoever writes a text could end it or begin another");
    }
  }
}

void serves_many_threads(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  const auto alone = subject.make<Tokenizer>();
  std::vector<std::vector<TokenId>> ids;
  for (const std::string_view text : plain_texts()) ids.push_back(ids_of(*alone, text));
  in_threads(4, [&](int thread) {
    for (int round = 0; round < 20; ++round) {
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::size_t mine = (i + static_cast<std::size_t>(7 * thread + round)) % ids.size();
        const std::string_view text = plain_texts()[mine];
        expect(ids_of(*tokenizer, text) == ids[mine],
               shown(text) + " has other ids while other threads encode other texts");
        expect(tokenizer->decode(ids[mine]) == alone->decode(ids[mine]),
               "the ids of " + shown(text) + " make another text while other threads decode");
      }
    }
  });
}

// Throws Finding that begins with `what` if the two don't agree.
void expect_same(const Tokenizer& one, const Tokenizer& other, const std::string& what) {
  expect(one.vocabulary_size() == other.vocabulary_size(), what + " has another size of vocabulary");
  expect(named(one.special()) == named(other.special()), what + " has other special tokens");
  for (const std::string_view text : plain_texts()) {
    expect(ids_of(one, text) == ids_of(other, text), what + " gives " + shown(text) + " other ids");
  }
  expect(one.fingerprint() == other.fingerprint(),
         what + " has another fingerprint: " + one.fingerprint() + ", then " + other.fingerprint());
}

void is_the_same_each_time(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  expect(!tokenizer->fingerprint().empty(), "its fingerprint is empty");
  expect_same(*tokenizer, *subject.make<Tokenizer>(), "made again, it");
}

void is_made_again_from_its_files(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  std::set<std::string> names;
  for (const NamedFile& file : tokenizer->files()) {
    const bool is_plain = !file.name.empty() && file.name != "." && file.name != ".." &&
                          file.name.find('/') == std::string::npos &&
                          file.name.find('\0') == std::string::npos;
    expect(is_plain, "files() has one called " + shown(file.name) + ", which is no name without a folder");
    expect(names.insert(file.name).second, "files() has " + shown(file.name) + " twice");
    std::ofstream(subject.folder / file.name, std::ios::binary) << file.bytes;
  }
  const auto has_path = [](const Field& field) { return field.key == "path"; };
  if (std::ranges::none_of(subject.described.fields, has_path)) return;
  expect(!names.empty(), "it is read from files, and files() is empty");
  Table settings = subject.settings;
  settings.set("path", {subject.folder.string(), {}});
  expect_same(*tokenizer, *subject.host.make<Tokenizer>(settings), "made again from its files(), it");
}

void refuses_a_folder_without_files(const Subject& subject) {
  const auto has_path = [](const Field& field) { return field.key == "path"; };
  if (std::ranges::none_of(subject.described.fields, has_path)) throw NotApplicable("it reads no files");
  Table settings = subject.settings;
  settings.set("path", {subject.folder.string(), {}});
  expect_refusal("a folder without its kind of files", {ErrorCode::not_found},
                 [&] { subject.host.make<Tokenizer>(settings); });
}

void use(const Subject& subject) {
  const auto tokenizer = subject.make<Tokenizer>();
  for (const std::string_view text : plain_texts()) {
    const std::vector<TokenId> ids = ids_of(*tokenizer, text);
    for (const TokenId id : ids) (void)tokenizer->token_bytes(id);
    (void)tokenizer->decode(ids);
  }
  (void)tokenizer->special();
  (void)tokenizer->files();
  (void)tokenizer->fingerprint();
}

constexpr std::array kTests{
    Test{"ids_are_in_range", "all ids are in [0, vocabulary_size()), and token_bytes() knows them",
         ids_are_in_range},
    Test{"appends_ids", "encode() appends the ids of the text, whatever is there before", appends_ids},
    Test{"brings_texts_back", "a text comes back from its ids, and what it became stays as it is",
         brings_texts_back},
    Test{"takes_any_bytes", "encode() takes any bytes, also those that are no UTF-8", takes_any_bytes},
    Test{"refuses_unknown_ids", "an unknown id is refused with Error{not_found}", refuses_unknown_ids},
    Test{"marks_special_tokens",
         "special tokens have ids and names, stop contains eos, and decode() leaves them out",
         marks_special_tokens},
    Test{"reads_no_special_token", "encode() adds no special token and reads none in the text",
         reads_no_special_token},
    Test{"encoder_agrees",
         "encode_text() gives the ids of encode(), and offsets that lie in the text in order",
         encoder_agrees},
    Test{"encoder_reads_special_tokens", "encode_text() with as_tokens finds special tokens by their names",
         encoder_reads_special_tokens},
    Test{"serves_many_threads", "all methods may be called from any thread", serves_many_threads},
    Test{"is_the_same_each_time", "the same settings make the same tokenizer, with the same fingerprint",
         is_the_same_each_time},
    Test{"is_made_again_from_its_files",
         "made again from a folder with its files(), it is the same tokenizer", is_made_again_from_its_files},
    Test{"refuses_a_folder_without_files",
         "a path without its kind of files is refused with Error{not_found}", refuses_a_folder_without_files},
};

}  // namespace

Suite tokenizer_suite() { return {Tokenizer::kKind, Tokenizer::kInterface, kTests, use}; }

}  // namespace easylm::exam
