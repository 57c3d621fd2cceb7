#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "actors/domain/result.hpp"
#include "config/value.hpp"

namespace innkeeper::config {

// What a configuration text may hold; more is refused before it is parsed, because the parser
// follows nesting by recursion.
inline constexpr std::size_t text_bytes_max = 1'048'576;
inline constexpr std::size_t nesting_max = 32;    // of brackets and braces
inline constexpr std::size_t key_parts_max = 16;  // of one dotted key

// The text as a table (TOML 1.0). Error `invalid`, with line and column in the message, when it is
// not TOML or beyond the bounds above. Never throws.
[[nodiscard]] domain::Result<Table> read_toml(std::string_view text);

// The text as one TOML value; error when it is none, or more than one.
[[nodiscard]] domain::Result<Value> read_toml_value(std::string_view text);

}  // namespace innkeeper::config
