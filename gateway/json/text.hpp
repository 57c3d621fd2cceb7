#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "actors/domain/ids.hpp"
#include "actors/domain/time.hpp"

// The pieces that every writer is made of. They append to a string: answers are written once, front
// to back, without a tree in between.
namespace innkeeper::json {

// The number of Unicode code points in `text`; nothing when it is not valid UTF-8 (RFC 3629: no
// surrogates, no overlong forms, nothing above U+10FFFF).
[[nodiscard]] std::optional<std::size_t> count_code_points(std::string_view text) noexcept;

// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, so the
// result is valid JSON whatever comes in.
void append_string(std::string& out, std::string_view text);

// Appends the shortest form that reads back as `value`; 0 when it is not finite, which JSON cannot
// say.
void append_number(std::string& out, double value);

template <std::integral T>
void append_integer(std::string& out, T value) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, static_cast<std::size_t>(end - buffer));
}

// Appends a moment as contract/hathora.md 7.1 wants it, with its quotes.
void append_timestamp(std::string& out, domain::Timestamp moment);
// The same, or `null`.
void append_timestamp(std::string& out, const std::optional<domain::Timestamp>& moment);

template <class Tag>
void append_uuid(std::string& out, const domain::UuidId<Tag>& id) {
  out += '"';
  out += domain::to_string(id);
  out += '"';
}

}  // namespace innkeeper::json
