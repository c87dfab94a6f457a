// What a SentencePiece .model file says, read and checked before the library sees a byte of it: the library
// trusts its input, and would read outside of memory where a file lies.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace easylm::tokenizers {

enum class PieceType : std::uint8_t { normal = 1, unknown, control, user_defined, unused, byte };
enum class ModelKind : std::uint8_t { unigram = 1, bpe, word, character };

struct Piece {
  std::string text;
  float score = 0;
  PieceType type = PieceType::normal;
};

struct ModelFile {
  std::vector<Piece> pieces;  // their indices are the ids
  ModelKind kind = ModelKind::unigram;
  bool byte_fallback = false;
  bool space_at_end = false;  // pieces are "word▁", not "▁word"
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool has_charsmap = false;  // texts are normalised by a table
};

// Throws Error{corrupt} that begins with `where`.
ModelFile read_model_file(std::string_view bytes, std::string_view where);

}  // namespace easylm::tokenizers
