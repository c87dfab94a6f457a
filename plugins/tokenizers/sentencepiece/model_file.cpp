// Field numbers are those of sentencepiece_model.proto.
#include "model_file.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <unordered_set>

#include "charsmap.h"
#include "easylm/error.h"
#include "easylm/utf8.h"
#include "wire.h"

namespace easylm::tokenizers {
namespace {

// The library builds its tries by recursion over the bytes of a piece; real pieces have some dozens.
constexpr std::size_t kMostPieceBytes = 1024;
constexpr std::size_t kMostPieces = std::size_t{1} << 22U;

class Reader {
 public:
  explicit Reader(std::string_view where) : where_(where) {}

  ModelFile read(std::string_view bytes) {
    WireReader reader(bytes, where_);
    for (WireField field; reader.next(field);) {
      switch (field.number) {
        case 1:
          read_piece(bytes_of(field));
          break;
        case 2:
          read_trainer(bytes_of(field));
          break;
        case 3:
          read_normalizer(bytes_of(field));
          break;
        case 5:
          check_denormalizer(bytes_of(field));
          break;
        default:
          break;
      }
    }
    check_pieces();
    return std::move(model_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::corrupt, std::string(where_) + " is no SentencePiece model: " + what,
                "copy the file again from where it came");
  }

  std::string_view bytes_of(const WireField& field) const {
    expect(field, WireType::bytes);
    return field.bytes;
  }

  bool flag_of(const WireField& field) const {
    expect(field, WireType::varint);
    return field.value != 0;
  }

  void expect(const WireField& field, WireType type) const {
    if (field.type != type) fail("field " + std::to_string(field.number) + " has another type");
  }

  std::uint8_t choice_of(const WireField& field, std::uint64_t last) const {
    expect(field, WireType::varint);
    if (field.value == 0 || field.value > last) {
      fail("field " + std::to_string(field.number) + " is " + std::to_string(field.value) +
           ", and it goes from 1 to " + std::to_string(last));
    }
    return static_cast<std::uint8_t>(field.value);
  }

  void read_piece(std::string_view bytes) {
    Piece piece;
    WireReader reader(bytes, where_);
    for (WireField field; reader.next(field);) {
      if (field.number == 1) {
        piece.text = bytes_of(field);
      } else if (field.number == 2) {
        expect(field, WireType::fixed32);
        piece.score = std::bit_cast<float>(static_cast<std::uint32_t>(field.value));
      } else if (field.number == 3) {
        piece.type = static_cast<PieceType>(choice_of(field, 6));
      }
    }
    if (model_.pieces.size() == kMostPieces)
      fail("it has more than " + std::to_string(kMostPieces) + " pieces");
    model_.pieces.push_back(std::move(piece));
  }

  void read_trainer(std::string_view bytes) {
    WireReader reader(bytes, where_);
    for (WireField field; reader.next(field);) {
      if (field.number == 3) model_.kind = static_cast<ModelKind>(choice_of(field, 4));
      if (field.number == 24) model_.space_at_end = flag_of(field);
      if (field.number == 35) model_.byte_fallback = flag_of(field);
    }
  }

  void read_normalizer(std::string_view bytes) {
    WireReader reader(bytes, where_);
    for (WireField field; reader.next(field);) {
      if (field.number == 2 && !bytes_of(field).empty()) {
        check_charsmap(field.bytes, where_);
        model_.has_charsmap = true;
      }
      if (field.number == 3) model_.add_dummy_prefix = flag_of(field);
      if (field.number == 4) model_.remove_extra_whitespaces = flag_of(field);
      if (field.number == 5) model_.escape_whitespaces = flag_of(field);
    }
  }

  void check_denormalizer(std::string_view bytes) const {
    WireReader reader(bytes, where_);
    for (WireField field; reader.next(field);) {
      if (field.number == 2 && !bytes_of(field).empty()) check_charsmap(field.bytes, where_);
    }
  }

  void check_pieces() const {
    std::unordered_set<std::string_view> texts;
    std::size_t num_unknown = 0;
    std::size_t num_bytes = 0;
    bool has_normal = false;
    for (std::size_t id = 0; id < model_.pieces.size(); ++id) {
      const Piece& piece = model_.pieces[id];
      const std::string who = "piece " + std::to_string(id);
      if (piece.text.empty() || piece.text.size() > kMostPieceBytes) {
        fail(who + " has " + std::to_string(piece.text.size()) + " bytes, and 1 to " +
             std::to_string(kMostPieceBytes) + " can be");
      }
      if (!is_utf8(piece.text) || piece.text.find('\0') != std::string::npos)
        fail(who + " is not UTF-8 text");
      if (!std::isfinite(piece.score)) fail(who + " has a score that is not finite");
      if (!texts.insert(piece.text).second) fail(who + " is there twice: " + piece.text);
      if (piece.type == PieceType::byte && !is_byte_name(piece.text))
        fail(who + " names no byte: " + piece.text);
      num_unknown += piece.type == PieceType::unknown ? 1 : 0;
      num_bytes += piece.type == PieceType::byte ? 1 : 0;
      has_normal |= piece.type == PieceType::normal || piece.type == PieceType::user_defined;
    }
    if (num_unknown != 1) fail("it has " + std::to_string(num_unknown) + " unknown pieces, and one must be");
    if (!has_normal) fail("it has no piece that stands for text");
    if (model_.byte_fallback && num_bytes != 256) {
      fail("it falls back to bytes and has " + std::to_string(num_bytes) + " of them, not 256");
    }
  }

  static bool is_byte_name(const std::string& text) {
    unsigned byte = 0;
    std::array<char, 8> name{};
    if (text.size() != 6 || std::sscanf(text.c_str(), "<0x%2X>", &byte) != 1) return false;
    std::snprintf(name.data(), name.size(), "<0x%02X>", byte);
    return text == name.data();
  }

  std::string_view where_;
  ModelFile model_;
};

}  // namespace

ModelFile read_model_file(std::string_view bytes, std::string_view where) {
  return Reader(where).read(bytes);
}

}  // namespace easylm::tokenizers
