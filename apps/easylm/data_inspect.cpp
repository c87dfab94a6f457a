// data inspect: what the model really sees.
#include <unistd.h>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>

#include "easylm/error.h"
#include "easylm/json.h"
#include "observe/console.h"
#include "open_dataset.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

bool is_utf8(const std::string& bytes) {
  try {
    parse_json(json_quoted(bytes), "");
    return true;
  } catch (const Error&) {
    return false;
  }
}

// A token's text; a byte of what is only part of a character becomes `stand_in(byte)`.
template <typename StandIn>
std::string text_of(const Tokenizer& tokenizer, TokenId id, StandIn&& stand_in) {
  std::string bytes = tokenizer.token_bytes(id);
  if (is_utf8(bytes)) return bytes;
  std::string text;
  for (const char c : bytes) text += (c & 0x80) == 0 ? std::string(1, c) : stand_in(c);
  return text;
}

// The same for a terminal, on one line.
std::string shown(const Tokenizer& tokenizer, TokenId id) {
  const std::string quoted = json_quoted(text_of(tokenizer, id, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::string("<") + "0123456789ABCDEF"[byte >> 4U] + "0123456789ABCDEF"[byte & 15U] + ">";
  }));
  return quoted.substr(1, quoted.size() - 2);
}

template <typename T>
Value list_of(std::span<const T> values) {
  List list;
  for (const T value : values) list.push_back({std::int64_t{value}, {}});
  return {std::move(list), {}};
}

Table row_json(const TokenBatch& batch, std::int64_t row, const Tokenizer& tokenizer) {
  const auto begin = static_cast<std::size_t>(row * batch.length);
  const auto length = static_cast<std::size_t>(batch.length);
  const auto inputs = batch.inputs.subspan(begin, length);
  List mask;
  List texts;
  for (const float weight : batch.mask.subspan(begin, length)) {
    mask.push_back({std::int64_t{weight > 0 ? 1 : 0}, {}});
  }
  for (const TokenId id : inputs) {
    texts.push_back({text_of(tokenizer, id, [](char) { return std::string("\uFFFD"); }), {}});
  }
  Table table;
  table.set("tokens", list_of(inputs));
  table.set("targets", list_of(batch.targets.subspan(begin, length)));
  table.set("mask", {std::move(mask), {}});
  table.set("texts", {std::move(texts), {}});
  if (!batch.segments.empty()) table.set("segments", list_of(batch.segments.subspan(begin, length)));
  return table;
}

// Whether places from `begin` on hold nothing, as far as a batch can tell.
bool all_padding(const TokenBatch& batch, std::int64_t begin, std::int64_t end) {
  for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
    if (batch.inputs[i] != 0 || batch.targets[i] != 0 || batch.mask[i] > 0) return false;
  }
  return true;
}

// Targets with loss are green, those without are dim; so is the line between documents.
class RowPrinter {
 public:
  RowPrinter(const Tokenizer& tokenizer, Colour colour) : tokenizer_(tokenizer), colour_(colour) {}

  void print(const TokenBatch& batch, std::int64_t row) const {
    std::cout << "row " << row << " of the batch at " << batch.first.where << "\n"
              << std::right << std::setw(6) << "id"
              << "  " << std::left << std::setw(14) << "token" << std::right << std::setw(6) << "target"
              << "  " << std::left << std::setw(14) << "text"
              << "loss\n";
    const std::int64_t begin = row * batch.length;
    for (std::int64_t i = begin; i < begin + batch.length; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (!batch.segments.empty() && (i == begin || batch.segments[at] != batch.segments[at - 1])) {
        const bool is_padding = all_padding(batch, i, begin + batch.length);
        const std::string what =
            is_padding ? "padding" : "document " + std::to_string(batch.segments[at]) + " of the row";
        std::cout << painted("\033[2m", "        ---- " + what + " ----") << "\n";
      }
      print_token(batch, at);
    }
  }

 private:
  std::string painted(const char* code, const std::string& text) const {
    return colour_ == Colour::always ? code + text + "\033[0m" : text;
  }

  void print_token(const TokenBatch& batch, std::size_t at) const {
    std::cout << std::right << std::setw(6) << batch.inputs[at] << "  " << std::left << std::setw(14)
              << shown(tokenizer_, batch.inputs[at]);
    std::ostringstream target;
    target << std::right << std::setw(6) << batch.targets[at] << "  " << std::left << std::setw(14)
           << shown(tokenizer_, batch.targets[at]) << batch.mask[at];
    std::cout << painted(batch.mask[at] > 0 ? "\033[32m" : "\033[2m", target.str()) << "\n";
  }

  const Tokenizer& tokenizer_;
  Colour colour_;
};

void print_counts(const OpenedDataset& opened) {
  if (opened.counter() == nullptr) return;
  const DatasetCounts counts = opened.counter()->counts();
  std::cout << "read so far: " << counts.documents << " documents (" << counts.cut << " cut, "
            << counts.dropped << " dropped), " << counts.bad << " bad examples skipped; " << counts.padding
            << " of " << counts.places << " places are padding\n";
}

}  // namespace

int inspect_data(const Invocation& invocation) {
  Session session(invocation.home);
  Diagnostics diagnostics;
  const auto config = session.load(invocation.words.front(), invocation.list("set"), diagnostics);
  report(diagnostics);
  if (!config) return 2;
  RunHost host = session.make_host();
  const std::string name = invocation.text("dataset");
  const DatasetPass pass = name == "train" ? DatasetPass::endless : DatasetPass::once;
  const OpenedDataset opened = open_dataset(*config, name, pass, host);
  const RowPrinter printer(*opened.tokenizer, colour_for(TerminalFacts::of(STDOUT_FILENO)));
  const std::int64_t wanted = invocation.integer("rows");
  List rows;
  std::int64_t shown_rows = 0;
  TokenBatch batch;
  while (shown_rows < wanted && opened.dataset->next(batch)) {
    for (std::int64_t row = 0; row < batch.num_rows && shown_rows < wanted; ++row, ++shown_rows) {
      if (invocation.has("json")) {
        rows.push_back({row_json(batch, row, *opened.tokenizer), {}});
      } else {
        printer.print(batch, row);
      }
    }
  }
  if (invocation.has("json")) {
    std::cout << json_text(Value{std::move(rows), {}});
  } else {
    print_counts(opened);
  }
  return 0;
}

}  // namespace easylm::app
