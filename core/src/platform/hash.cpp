// CRC32C with SSE4.2 where the processor has it, and SHA-256 from OpenSSL.
#include "easylm/hash.h"

#include <openssl/evp.h>

#include <array>
#include <cstring>

#include "easylm/error.h"

namespace easylm {
namespace {

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b]: what byte b does to the remainder k bytes later, so that eight bytes need eight look-ups.
constexpr Tables make_tables() {
  constexpr std::uint32_t kPolynomial = 0x82F63B78U;  // reflected
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t x = byte;
    for (int bit = 0; bit < 8; ++bit) x = (x >> 1U) ^ ((x & 1U) != 0 ? kPolynomial : 0U);
    tables[0][byte] = x;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8U) ^ tables[0][before & 0xFFU];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

std::uint64_t load(const std::byte* p) {
  std::uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  return word;
}

#if defined(__x86_64__)
// One crc32 instruction takes three cycles and eight bytes: faster than memory on one core.
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::span<const std::byte> bytes,
                                                             std::uint32_t so_far) {
  std::uint64_t x = ~so_far;
  const std::byte* p = bytes.data();
  std::size_t n = bytes.size();
  for (; n >= 8; n -= 8, p += 8) x = __builtin_ia32_crc32di(x, load(p));
  auto low = static_cast<std::uint32_t>(x);
  for (; n > 0; --n, ++p) low = __builtin_ia32_crc32qi(low, std::to_integer<unsigned char>(*p));
  return ~low;
}
#endif

}  // namespace

std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t so_far) {
  std::uint32_t x = ~so_far;
  const std::byte* p = bytes.data();
  std::size_t n = bytes.size();
  for (; n >= 8; n -= 8, p += 8) {
    const std::uint64_t word = load(p) ^ x;  // little-endian, as all that we build for
    x = 0;
    for (std::size_t k = 0; k < 8; ++k) x ^= kTables[7 - k][(word >> (8 * k)) & 0xFFU];
  }
  for (; n > 0; --n, ++p) x = (x >> 8U) ^ kTables[0][(x ^ std::to_integer<std::uint32_t>(*p)) & 0xFFU];
  return ~x;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t so_far) {
#if defined(__x86_64__)
  static const bool has_sse42 = __builtin_cpu_supports("sse4.2") != 0;
  if (has_sse42) return crc32c_sse42(bytes, so_far);
#endif
  return crc32c_portable(bytes, so_far);
}

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  EASYLM_CHECK(state_->context != nullptr && EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1,
               "libcrypto offers no SHA-256");
}
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  EASYLM_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "SHA-256 failed");
}

std::string Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EASYLM_CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), &size) == 1 && size == 32,
               "SHA-256 failed");
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += kDigits[digest[i] >> 4U];
    hex += kDigits[digest[i] & 15U];
  }
  return hex;
}

}  // namespace easylm
