#pragma once

#include <cstdint>
#include <string>

#include "actors/domain/result.hpp"

namespace innkeeper {

// 64 bits from the kernel's random source, fetched in blocks; thread-safe.
[[nodiscard]] std::uint64_t random_bits();

// The token in the file, without blanks around it. When there is no such file it is created with a random
// token (256 bits, hexadecimal), readable by its owner only. Error (`unavailable`): the message names the file.
[[nodiscard]] domain::Result<std::string> read_or_create_token(const std::string& path);

// The token in a file that must exist.
[[nodiscard]] domain::Result<std::string> read_token(const std::string& path);

}  // namespace innkeeper
