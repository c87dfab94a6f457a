// Small tokenizers for the tests of tokenizer/bpe.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "bpe/bpe_tokenizer.h"
#include "easylm/json.h"
#include "support/paths.h"

namespace easylm::tokenizers::bpe {

inline Table read_family(const std::string& name) {
  std::stringstream text;
  text << std::ifstream(testing::source_folder() / "tests/fixtures/vectors/tokenizers" / (name + ".json"))
              .rdbuf();
  return parse_json_object(text.str(), name);
}

inline std::unique_ptr<BpeTokenizer> tokenizer_of(const std::string& json) {
  return std::make_unique<BpeTokenizer>(std::vector<NamedFile>{{"tokenizer.json", json}}, "test.json");
}

inline std::unique_ptr<BpeTokenizer> family(const std::string& name) {
  return tokenizer_of(json_text(*read_family(name).find("tokenizer")->as<Table>()));
}

inline std::vector<TokenId> ids_of(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<TokenId> ids;
  tokenizer.encode(text, ids);
  return ids;
}

// A tokenizer.json over the letters a to d, with one part replaced or added.
struct SmallFile {
  std::string vocab = R"({"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4})";
  std::string merges = R"([["a", "b"], ["ab", "c"]])";
  std::string model = R"("type": "BPE", "dropout": null, "unk_token": null)";
  std::string added = "[]";
  std::string rest = R"("normalizer": null, "pre_tokenizer": null)";

  std::string text() const {
    return R"({"version": "1.0", "truncation": null, "padding": null, "added_tokens": )" + added + ", " +
           rest + R"(, "model": {)" + model + R"(, "vocab": )" + vocab + R"(, "merges": )" + merges + "}}";
  }
};

}  // namespace easylm::tokenizers::bpe
