#include "gateway/routes/digest.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <openssl/evp.h>

namespace innkeeper::routes {
namespace {

// Each part with its length in front, so that no two different requests have the same bytes.
void append_part(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}
template <class Id>
void append_id(std::string& out, const std::optional<Id>& id) {
  if (id) {
    append_part(out, id->str());
  } else {
    out += '-';
  }
}

}  // namespace

std::string create_digest(const domain::CreateRoom& command) {
  std::string text = "create-room/1;";
  append_part(text, command.app.str());
  append_part(text, command.region.str());
  append_id(text, command.room);
  append_id(text, command.deployment);
  if (command.config) {
    append_part(text, *command.config);
  } else {
    text += '-';
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 0;
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &length, EVP_sha256(), nullptr) != 1)
    return {};
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * std::size_t{length});
  for (unsigned i = 0; i < length; ++i) {
    hex += digits[bytes[i] >> 4U];
    hex += digits[bytes[i] & 15U];
  }
  return hex;
}

}  // namespace innkeeper::routes
